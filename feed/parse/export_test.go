package parse

// What the tests of the package's parts need from inside.
var (
	ParseDate  = parseDate
	PlainText  = plainText
	PersonText = personText
)

// ResolveHTML is [resolver.resolveHTML].
func ResolveHTML(s, base string) string { return (&resolver{}).resolveHTML(s, base) }

// The ways in which a title may be meant.
const (
	Unsaid = unsaid
	Plain  = plain
	Markup = markup
)
