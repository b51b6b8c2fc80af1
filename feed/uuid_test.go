package feed_test

import (
	"testing"

	"github.com/backissue/backissue/feed"
)

// The names and identifiers are those that this program's own spaces were made with, and the example of
// RFC 9562, appendix A.4, in the space of domain names.
func TestUUID(t *testing.T) {
	dns := feed.URLSpace
	dns[3] = 0x10
	for _, test := range []struct {
		space feed.UUID
		name  string
		want  string
	}{
		{dns, "www.example.com", "urn:uuid:2ed6657d-e927-568b-95e1-2665a8aea6a2"},
		{feed.URLSpace, "urn:backissue:key", "urn:uuid:15114977-8916-5cde-a250-de565fc45734"},
		{feed.URLSpace, "urn:backissue:text", "urn:uuid:b068b196-528a-5e35-a04c-d571bbba2444"},
	} {
		if got := test.space.In(test.name).String(); got != test.want {
			t.Errorf("%q is %s, want %s", test.name, got, test.want)
		}
	}
	if a, b := feed.URLSpace.In("a", "b"), feed.URLSpace.In("ab"); a == b {
		t.Error("parts run into one another")
	}
}
