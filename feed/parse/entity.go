package parse

import "strings"

// A document may declare entities of its own (XML 1.0 §4.2), and a few feeds do so for the letters
// of their language or the beginning of their guids. Only plain text is expanded, in one step: what
// a declaration fetches from elsewhere, or puts together from other entities, stays unread, so that
// no declaration can make a document grow beyond measure.
const (
	maxEntities    = 256     // declarations that are read
	maxEntityText  = 512     // bytes of text that one may stand for
	maxEntityTexts = 1 << 20 // bytes by which all references together may let the document grow
)

// expandEntities returns the document with the references to its own entities replaced.
func expandEntities(text string) string {
	declared := declaredEntities(text)
	if len(declared) == 0 {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	left := maxEntityTexts
	for {
		i := strings.IndexAny(text, "&<")
		if i < 0 {
			break
		}
		b.WriteString(text[:i])
		text = text[i:]
		n := 1
		if text[0] == '<' {
			if strings.HasPrefix(text, "<!") { // in sections, comments and declarations "&" is but a sign
				n, _ = skipMarkup(text, 0)
			}
		} else if end := strings.IndexByte(text[:min(len(text), maxEntity)], ';'); end > 1 {
			if value, ok := declared[text[1:end]]; ok && len(value) <= left {
				left -= len(value)
				b.WriteString(value)
				text = text[end+1:]
				continue
			}
		}
		b.WriteString(text[:n])
		text = text[n:]
	}
	b.WriteString(text)
	return b.String()
}

// declaredEntities returns the texts of the entities that the document declares within itself, as
// they stand there.
func declaredEntities(text string) map[string]string {
	head := text
	if root, ok := nextTag(text, 0); ok {
		head = text[:root.start]
	}
	_, subset, ok := strings.Cut(withoutComments(head), "<!DOCTYPE")
	if !ok {
		return nil
	}
	declared := make(map[string]string)
	for len(declared) < maxEntities {
		_, rest, ok := strings.Cut(subset, "<!ENTITY")
		if !ok {
			break
		}
		subset = rest
		fields := strings.TrimLeft(rest, " \t\n")
		i := strings.IndexAny(fields, " \t\n")
		if i < 1 || !asciiName(fields[:i]) {
			continue
		}
		name, value := fields[:i], strings.TrimLeft(fields[i:], " \t\n")
		if value == "" || value[0] != '"' && value[0] != '\'' {
			continue // from elsewhere
		}
		value, subset, ok = strings.Cut(value[1:], value[:1])
		if _, again := declared[name]; ok && !again && isPlainEntity(value) {
			declared[name] = value
		}
	}
	return declared
}

// isPlainEntity reports whether the text of an entity is nothing but text, in which references are
// such to characters.
func isPlainEntity(value string) bool {
	if len(value) > maxEntityText || strings.Contains(value, "<") {
		return false
	}
	for {
		_, rest, ok := strings.Cut(value, "&")
		if !ok {
			return true
		}
		if _, n := charRef("&" + rest); n == 0 {
			return false
		}
		value = rest
	}
}

// noteReferences notes references that XML does not know: to entities of HTML, and "&" that is but a
// sign and was not escaped. Both are read as they were meant.
func noteReferences(text string, mended *repairs) {
	declared := declaredEntities(text)
	named := strings.Contains(text[:min(len(text), 4096)], "<!DOCTYPE") // which may declare those of HTML
	bare := false
	for text != "" && !(named && bare) {
		plain, rest := text, ""
		if i := strings.Index(text, "<!"); i >= 0 {
			end, _ := skipMarkup(text, i)
			plain, rest = text[:i], text[end:]
		}
		for i := strings.IndexByte(plain, '&'); i >= 0 && !(named && bare); i = strings.IndexByte(plain, '&') {
			plain = plain[i:]
			known, html := referenceKind(plain, declared)
			switch {
			case known:
			case html && !named:
				named = true
				mended.note("entities of HTML, which XML does not know, were decoded")
			case !html && !bare:
				bare = true
				mended.note(`"&" that was not escaped was taken as it is`)
			}
			plain = plain[1:]
		}
		text = rest
	}
}

// referenceKind tells whether s begins with a reference that XML knows, or with one that HTML does.
func referenceKind(s string, declared map[string]string) (known, html bool) {
	for _, name := range []string{"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"} {
		if strings.HasPrefix(s, name) {
			return true, true
		}
	}
	_, n := reference(s)
	if n == 0 {
		end := strings.IndexByte(s[:min(len(s), maxEntity)], ';')
		if end > 1 {
			_, known = declared[s[1:end]]
		}
		return known, false
	}
	return s[1] == '#' && s[2] != 'X', true
}
