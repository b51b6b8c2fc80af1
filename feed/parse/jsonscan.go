package parse

import (
	stdjson "encoding/json"
	"iter"
	"strings"
)

// member is one member of a JSON object; value is its JSON.
type member struct{ name, value string }

// members splits an object. whole is false where it is cut off or broken; the members before that
// come back, and of an array in which it happens what there is.
func members(s string) (list []member, whole bool) {
	i := blanks(s, 0)
	if i >= len(s) || s[i] != '{' {
		return nil, false
	}
	for i++; ; {
		i = blanks(s, i)
		if i < len(s) && s[i] == ',' {
			i++
			continue
		}
		if i < len(s) && s[i] == '}' {
			return list, true
		}
		if i >= len(s) || s[i] != '"' {
			return list, false
		}
		end, ok := skipJSON(s, i)
		if !ok {
			return list, false
		}
		name := jsonString(s[i:end])
		if i = blanks(s, end); i >= len(s) || s[i] != ':' {
			return list, false
		}
		i = blanks(s, i+1)
		if end, ok = skipJSON(s, i); !ok {
			if i < len(s) && s[i] == '[' {
				list = append(list, member{name, s[i:]})
			}
			return list, false
		}
		if len(list) < maxChildren {
			list = append(list, member{name, s[i:end]})
		}
		i = end
	}
}

// elements goes through an array, or the beginning of one that is cut off.
func elements(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		i := blanks(s, 0)
		if i >= len(s) || s[i] != '[' {
			return
		}
		for i++; ; {
			if i = blanks(s, i); i >= len(s) || s[i] == ']' {
				return
			}
			if s[i] == ',' {
				i++
				continue
			}
			end, ok := skipJSON(s, i)
			if !ok || !yield(s[i:end]) {
				return
			}
			i = end
		}
	}
}

func blanks(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// skipJSON returns the end of the JSON value that begins at i; false where it is cut off. It counts
// brackets and knows strings, no more.
func skipJSON(s string, i int) (end int, ok bool) {
	depth := 0
	for i < len(s) {
		switch s[i] {
		case '"':
			if i = skipString(s, i); i < 0 {
				return len(s), false
			}
			if depth == 0 {
				return i, true
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i, false
			}
			if depth == 0 {
				return i + 1, true
			}
		case ',', ':', ' ', '\n', '\t', '\r':
		default:
			n := i
			for n < len(s) && strings.IndexByte("\",:{}[] \n\t\r", s[n]) < 0 {
				n++
			}
			if i = n; depth == 0 {
				return n, n < len(s)
			}
			continue
		}
		if depth == 0 {
			return i, false
		}
		i++
	}
	return len(s), false
}

// skipString returns the end of the string that begins at i, -1 where it has none.
func skipString(s string, i int) int {
	for i++; ; {
		j := strings.IndexByte(s[i:], '"')
		if j < 0 {
			return -1
		}
		i += j + 1
		n := i - 2
		for s[n] == '\\' {
			n--
		}
		if (i-2-n)%2 == 0 {
			return i
		}
	}
}

// jsonString returns a string, or a number as one; "" for anything else.
func jsonString(v string) string {
	if v == "" {
		return ""
	}
	if v[0] == '"' {
		var s string
		if stdjson.Unmarshal([]byte(legalString(v)), &s) != nil {
			return ""
		}
		return clean(s)
	}
	if isNumber(v) {
		return v
	}
	return ""
}

func isNumber(v string) bool {
	return v != "" && (v[0] == '-' || '0' <= v[0] && v[0] <= '9') && stdjson.Valid([]byte(v))
}

// legalString returns a string literal with raw control characters escaped.
func legalString(v string) string {
	if strings.IndexFunc(v, func(r rune) bool { return r < 0x20 }) < 0 {
		return v
	}
	return strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(v)
}
