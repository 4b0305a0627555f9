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

// fits tells how well a range suits a national number of n digits: 3 when it is as long and both are mobile or neither is, 2 when it is not as long,
// 1 when only one is mobile, 0 when it cannot be taken. What begins with all that is fixed of a range lies in it, however many
// digits follow; but fewer than the range's are sure to be no other number only when nothing else is dialled before them: whole tells that.
func (p *numberPlan) fits(r string, n int, mobile, whole bool) int {
	switch {
	case n < len(r) && !(whole && n > len(strings.TrimRight(r, "x"))):
		return 0
	case p.isMobileRange(r) != mobile:
		return 1
	case n != len(r):
		return 2
	}
	return 3
}

// suiting are the ranges that suit national numbers best, which depends on their length, on whether they are mobile ones, and on whole.
func (p *numberPlan) suiting(n int, mobile, whole bool) []string {
	best, list := 1, []string(nil)
	for _, r := range p.ranges {
		if fit := p.fits(r, n, mobile, whole); fit > best {
			best, list = fit, []string{r}
		} else if fit == best {
			list = append(list, r)
		}
	}
	return list
}

// mostNational is how long national numbers are of which a picker remembers the ranges: E.164 has at most 15 digits, and longer ones are as 16.
const mostNational = 16

// picker picks ranges of one country. It belongs to one goroutine.
type picker struct {
	plan  *numberPlan
	known [mostNational + 1][4][]string
	asked [mostNational + 1][4]bool
}

// pick takes one of the ranges that suit a national number best; "" when none does.
func (k *picker) pick(digits []byte, whole bool, random *stream) string {
	n, kind, mobile := min(len(digits), mostNational), 0, k.plan.isMobile(digits)
	if mobile {
		kind |= 1
	}
	if whole {
		kind |= 2
	}
	if !k.asked[n][kind] {
		k.asked[n][kind], k.known[n][kind] = true, k.plan.suiting(n, mobile, whole)
	}
	list := k.known[n][kind]
	if len(list) == 0 {
		return ""
	}
	return list[random.below(uint32(len(list)))] //nolint:gosec // some dozen
}
