package parse

import (
	"strings"

	"github.com/backissue/backissue/feed"
)

// personText reads a person as RSS has them: "jane@example.org (Jane Doe)", "Jane Doe
// (jane@example.org)", "Jane Doe <jane@example.org>", an address alone, or a name, which may have
// anything in brackets.
func personText(s string) feed.Person {
	s = clean(oneLine(unescape(s)))
	for _, brackets := range []string{"()", "<>"} {
		before, rest, ok := strings.Cut(s, brackets[:1])
		inside, closed := strings.CutSuffix(rest, brackets[1:])
		if !ok || !closed {
			continue
		}
		before, inside = strings.TrimSpace(before), strings.TrimSpace(inside)
		inside = strings.TrimPrefix(inside, "mailto:")
		switch {
		case isEmail(before):
			return feed.Person{Name: inside, Email: before}
		case isEmail(inside):
			return feed.Person{Name: strings.Trim(before, `" `), Email: inside}
		}
	}
	if isEmail(s) {
		return feed.Person{Email: s}
	}
	return feed.Person{Name: s}
}

// isEmail reports whether s looks like one address and nothing else.
func isEmail(s string) bool {
	user, host, ok := strings.Cut(s, "@")
	return ok && user != "" && host != "" && !strings.ContainsAny(s, " \t\r\n,;()/:") && !strings.Contains(host, "@")
}

// personElement reads a person as Atom has them (RFC 4287 §3.2).
func personElement(inner string) feed.Person {
	var p feed.Person
	eachChild(inner, func(t tag, inner string) {
		text, _ := characterData(inner)
		text = clean(oneLine(text))
		switch strings.ToLower(t.local()) {
		case "name":
			p.Name = text
		case "email":
			p.Email = text
		case "uri", "url", "homepage":
			p.URI = text
		}
	})
	if p == (feed.Person{}) && !strings.Contains(inner, "</") {
		text, _ := characterData(inner)
		return personText(text)
	}
	return p
}
