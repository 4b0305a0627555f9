package mask

import (
	"slices"
	"strings"
)

// numberPlan is what a country's regulator keeps of its telephone numbers for films and books, which nobody has.
type numberPlan struct {
	country string
	code    string // the country code
	trunk   byte   // the digit before a national number
	// mobile are the first digits of mobile numbers, for which a mobile range is taken where there is one.
	mobile []string
	// ranges are national numbers without the trunk digit: x is any digit, y one other than that before it, n one of 1 to 9, N one of
	// 2, 3, 6 and 9. With y, N begins an area code that is of places, not of free calls or services: those end in the same digit twice, or
	// begin otherwise.
	ranges []string
}

// numberPlans has the countries of which it is certain.
var numberPlans = []numberPlan{
	{
		// ACMA: 5550 and 7010 of each area, and single mobile numbers.
		country: "au", code: "61", mobile: []string{"4"}, ranges: strings.Fields(`25550xxxx 27010xxxx 35550xxxx 37010xxxx 75550xxxx 77010xxxx 85550xxxx 87010xxxx
			491570006 491570156 491570157 491570158 491570159 491570110 491570313 491570737 491571266 491571491 491571804 491572549
			491572665 491572983 491573770 491573087 491574118 491574632 491575254 491575789 491576398 491576801 491577426 491577644
			491578957 491578148 491578888 491579212 491579760 491579455`),
	},
	{
		// Bundesnetzagentur, Mitteilung 148/2021: Berlin, Frankfurt, Hamburg, Köln, München, and of two mobile networks.
		country: "de", code: "49", mobile: []string{"15", "16", "17"}, ranges: strings.Fields(`3023125xxx 6990009xxx 4066969xxx 2214710xxx 8999998xxx 17139200xx 176040690xx`),
	},
	{
		// Arcep, décision 2018-0881, 2.5.12.
		country: "fr", code: "33", mobile: []string{"6", "7"}, ranges: strings.Fields(`19900xxxx 26191xxxx 35301xxxx 46571xxxx 53649xxxx 63998xxxx`),
	},
	{
		// Ofcom: no area, the large cities, Northern Ireland, mobile.
		country: "gb", code: "44", mobile: []string{"7"}, ranges: strings.Fields(`1632960xxx 1134960xxx 1144960xxx 1154960xxx 1164960xxx 1174960xxx 1184960xxx
			1214960xxx 1314960xxx 1414960xxx 1514960xxx 1614960xxx 1914980xxx 2079460xxx 2896496xxx 2920180xxx 7700900xxx`),
	},
	{
		// ComReg.
		country: "ie", code: "353", mobile: []string{"8"}, ranges: strings.Fields(`2091xxxxx`),
	},
	{
		// PTS: Stockholm, Göteborg, Malmö, Kiruna, and mobile numbers from 05 on.
		country: "se", code: "46", mobile: []string{"7"}, ranges: strings.Fields(`8465004xx 3139006xx 4062804xx 9803192xx 7017406nx`),
	},
	{
		// NANPA, of all North America: 555-0100 to 555-0199 of every area.
		country: "us", code: "1", trunk: 1, ranges: strings.Fields(`Nxy55501xx`),
	},
}

// planOf finds the plan of a country by its name; nil when there is none.
func planOf(country string) *numberPlan {
	for i := range numberPlans {
		if numberPlans[i].country == country {
			return &numberPlans[i]
		}
	}
	return nil
}

// planByCode finds the plan whose country code the digits begin with.
func planByCode(digits []byte) *numberPlan {
	for i := range numberPlans {
		if beginsWith(digits, numberPlans[i].code) {
			return &numberPlans[i]
		}
	}
	return nil
}

// plannedCountries names the countries that have a plan.
func plannedCountries() []string {
	var names []string
	for _, p := range numberPlans {
		names = append(names, p.country)
	}
	return names
}

// beginsWith tells whether digits, as values, begin with those of a text.
func beginsWith(digits []byte, text string) bool {
	for i := range len(text) {
		if i >= len(digits) || digits[i] != text[i]-'0' {
			return false
		}
	}
	return true
}

func (p *numberPlan) isMobile(digits []byte) bool {
	return slices.ContainsFunc(p.mobile, func(start string) bool { return beginsWith(digits, start) })
}

// isMobileRange is isMobile of a range.
func (p *numberPlan) isMobileRange(r string) bool {
	return slices.ContainsFunc(p.mobile, func(start string) bool { return strings.HasPrefix(r, start) })
}

// fits tells how well a range suits a national number: 3 when it is as long and both are mobile or neither is, 2 when it is not as long,
// 1 when only one is mobile, 0 when it cannot be taken. What begins with all that is fixed of a range lies in it, however many
// digits follow; but fewer than the range's are sure to be no other number only when nothing else is dialled before them: whole tells that.
func (p *numberPlan) fits(r string, digits []byte, whole bool) int {
	n := len(digits)
	switch {
	case n < len(r) && !(whole && n > len(strings.TrimRight(r, "x"))):
		return 0
	case p.isMobileRange(r) != p.isMobile(digits):
		return 1
	case n != len(r):
		return 2
	}
	return 3
}

// pick takes one of the ranges that suit a national number best; "" when none does.
func (p *numberPlan) pick(digits []byte, whole bool, random *stream) string {
	best, count := 1, uint32(0)
	for _, r := range p.ranges {
		if fit := p.fits(r, digits, whole); fit > best {
			best, count = fit, 1
		} else if fit == best {
			count++
		}
	}
	if count == 0 {
		return ""
	}
	chosen := random.below(count)
	for _, r := range p.ranges {
		if p.fits(r, digits, whole) != best {
			continue
		}
		if chosen == 0 {
			return r
		}
		chosen--
	}
	return ""
}
