package markup_test

import (
	"testing"

	"github.com/backissue/backissue/feed/markup"
)

func TestRuns(t *testing.T) {
	for ref, want := range map[string]bool{
		"javascript:x": true, " JAVA\tscript\n:x": true, "\x01javascript:x": true, "vbscript:x": true, "data:,x": true,
		"\ufeffdata:image/svg+xml,x": true, "blob:https://x.example/1": true, "feed:javascript:x": true,
		"": false, "x": false, "/javascript:x": false, "https://x.example/javascript:x": false, "mailto:a@x.example": false,
		"urn:isbn:1": false, "tag:x.example,2024:1": false, ":javascript:": false, "javascript": false, "?javascript:x": false,
	} {
		if got := markup.Runs(ref); got != want {
			t.Errorf("Runs(%q) = %v", ref, got)
		}
		if want && markup.URL(ref, base) != "" {
			t.Errorf("URL(%q) = %q, which runs", ref, markup.URL(ref, base))
		}
	}
}

func TestActive(t *testing.T) {
	for space, want := range map[string]bool{
		"http://www.w3.org/1999/xhtml": true, "http://www.w3.org/2000/svg": true, "http://www.w3.org/1998/Math/MathML": true,
		"": false, "http://www.w3.org/2005/Atom": false, "http://www.w3.org/1999/xlink": false,
	} {
		if got := markup.Active(space); got != want {
			t.Errorf("Active(%q) = %v", space, got)
		}
	}
}

// What is on one of the two ways into the archive's addresses must be on the other.
func FuzzRuns(f *testing.F) {
	f.Add("javascript:x")
	f.Add("java\tscript:x")
	f.Fuzz(func(t *testing.T, ref string) {
		if u := markup.URL(ref, ""); markup.Runs(u) {
			t.Errorf("URL(%q) = %q, which runs", ref, u)
		}
	})
}
