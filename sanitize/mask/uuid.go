package mask

// parseUUID reads the form 8-4-4-4-12 of hexadecimal digits in any case, or the 32 digits alone.
func parseUUID(src []byte) (id [16]byte, ok bool) {
	if len(src) != 36 && len(src) != 32 {
		return id, false
	}
	n := 0
	for i, c := range src {
		if len(src) == 36 && (i == 8 || i == 13 || i == 18 || i == 23) {
			if c != '-' {
				return id, false
			}
			continue
		}
		v := hexValue(c)
		if v < 0 {
			return id, false
		}
		id[n/2] = id[n/2]<<4 | byte(v)
		n++
	}
	return id, true
}

// hexValue gives the value of a hexadecimal digit, -1 for any other byte.
func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
