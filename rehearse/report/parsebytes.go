package report

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

var sizeForm = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([kKMGT]?)i?B?$`)

// ParseBytes reads a size with a unit as PostgreSQL does, such as 1GB or 500 MB: kB, MB, GB and TB are powers of 1,024.
func ParseBytes(s string) (int64, error) {
	m := sizeForm.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not a size such as 1GB, 500MB", s)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	for range strings.Index("kMGT", strings.Replace(m[2], "K", "k", 1)) + min(len(m[2]), 1) {
		n *= 1024
	}
	if err != nil || n >= math.MaxInt64 { // as any, it would be the opposite of a limit
		return 0, fmt.Errorf("%q is not a size such as 1GB, 500MB", s)
	}
	return int64(n), nil
}
