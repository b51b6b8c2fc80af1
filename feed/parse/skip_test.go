package parse_test

import (
	"testing"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
)

func TestSkip(t *testing.T) {
	for _, test := range []struct {
		name, head string
		want       feed.Skip
	}{
		{"nothing", "", feed.Skip{}},
		{"hours", "<skipHours><hour>0</hour><hour> 23 </hour></skipHours>", feed.Skip{Hours: 1 | 1<<23}},
		{"midnight of RSS 0.91", "<skipHours><hour>24</hour></skipHours>", feed.Skip{Hours: 1}},
		{"no hours", "<skipHours><hour>25</hour><hour>-1</hour><hour>x</hour><hour/></skipHours>", feed.Skip{}},
		{"days", "<skipDays><day>Sunday</day><day>saturday</day></skipDays>", feed.Skip{Days: 1 | 1<<6}},
		{"no days", "<skipDays><day>Sun</day><day>7</day></skipDays>", feed.Skip{}},
		{"both, in any case", "<skiphours><Hour>3</Hour></skiphours><SkipDays><Day>Monday</Day></SkipDays>", feed.Skip{Hours: 8, Days: 2}},
		{"written twice", "<skipHours><hour>1</hour></skipHours><skipHours><hour>2</hour></skipHours>", feed.Skip{Hours: 6}},
	} {
		t.Run(test.name, func(t *testing.T) {
			doc, err := parse.Feed([]byte(`<rss version="2.0"><channel><title>T</title>`+test.head+`<item><title>a</title></item></channel></rss>`), parse.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := doc.Source.Fetch.Skip; got != test.want {
				t.Errorf("got hours %b and days %b, want %b and %b", got.Hours, got.Days, test.want.Hours, test.want.Days)
			}
		})
	}
}
