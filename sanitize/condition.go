package sanitize

import "strings"

// badCondition says why a text cannot stand within parentheses as one condition, "" when it can: brackets and quotes must be closed, and
// neither a semicolon nor a comment may stand in it. Whether it is SQL the server says.
func badCondition(s string) string {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			if depth--; depth < 0 {
				return "it closes a bracket that it has not opened"
			}
		case c == ';':
			return "it has a semicolon"
		case strings.HasPrefix(s[i:], "--") || strings.HasPrefix(s[i:], "/*"):
			return "it has a comment"
		case c == '$' && i+1 < len(s) && '0' <= s[i+1] && s[i+1] <= '9' && (i == 0 || !wordByte(s[i-1])):
			return "it has a parameter, $" + s[i+1:i+2]
		case c == '\'' || c == '"' || c == '$':
			n := quoted(s, i)
			if n == 0 {
				return "it does not close a quote"
			}
			i += n - 1
		}
	}
	if depth > 0 {
		return "it does not close a bracket"
	}
	return ""
}

// quoted is the length of what is quoted from s[i] on, with the quotes; 1 for a $ that quotes nothing, 0 when the end is missing.
func quoted(s string, i int) int {
	if s[i] == '$' {
		return dollarQuoted(s, i)
	}
	escapes := s[i] == '\'' && i > 0 && (s[i-1] == 'e' || s[i-1] == 'E') && (i == 1 || !wordByte(s[i-2]))
	for j := i + 1; j < len(s); j++ {
		switch {
		case escapes && s[j] == '\\':
			j++
		case s[j] != s[i]:
		case j+1 < len(s) && s[j+1] == s[i]:
			j++
		default:
			return j - i + 1
		}
	}
	return 0
}

// dollarQuoted is quoted for $tag$text$tag$.
func dollarQuoted(s string, i int) int {
	if i > 0 && wordByte(s[i-1]) {
		return 1
	}
	end := i + 1
	for end < len(s) && wordByte(s[end]) && s[end] != '$' {
		end++
	}
	if end == len(s) || s[end] != '$' || end > i+1 && '0' <= s[i+1] && s[i+1] <= '9' {
		return 1
	}
	tag := s[i : end+1]
	length := strings.Index(s[end+1:], tag)
	if length < 0 {
		return 0
	}
	return end + 1 - i + length + len(tag)
}

// wordByte says whether a byte can stand within a name, as PostgreSQL's scanner has it.
func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
