package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// mostShares is how many smaller copies are made: each takes as long as the copy to make.
const mostShares = 4

// sharesFlag is shares of the rows: alone it is a quarter and a half, others stand behind a "=".
func sharesFlag(name, usage string) cli.Flag {
	return &cli.GenericFlag{Name: name, Value: &shares{}, Usage: usage, EnvVars: env(name), DefaultText: "no"}
}

type shares struct{ all []float64 }

// IsBoolFlag lets it stand without a value.
func (s *shares) IsBoolFlag() bool { return true }

// Set reads true, false or shares joined by commas.
func (s *shares) Set(v string) error {
	switch v {
	case "true":
		s.all = []float64{0.25, 0.5}
		return nil
	case "false":
		s.all = nil
		return nil
	}
	s.all = nil
	for word := range strings.SplitSeq(v, ",") {
		share, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
		if err != nil || !(share >= 0.01 && share <= 0.9) { // NaN is neither
			return fmt.Errorf("%q is not a share of the rows between 0.01 and 0.9, such as 0.25,0.5", word)
		}
		if !slices.Contains(s.all, share) {
			s.all = append(s.all, share)
		}
	}
	if len(s.all) > mostShares {
		return fmt.Errorf("%d shares of the rows: at most %d copies are made", len(s.all), mostShares)
	}
	return nil
}

func (s *shares) String() string {
	if s == nil || len(s.all) == 0 {
		return "false"
	}
	words := make([]string, len(s.all))
	for i, share := range s.all {
		words[i] = strconv.FormatFloat(share, 'g', -1, 64)
	}
	return strings.Join(words, ",")
}

// sharesOf are the shares of a flag, nil for a command without it.
func sharesOf(c *cli.Context, name string) []float64 {
	if s, ok := c.Generic(name).(*shares); ok {
		return s.all
	}
	return nil
}
