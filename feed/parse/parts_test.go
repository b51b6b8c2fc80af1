package parse_test

import (
	"testing"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
)

func TestPlainText(t *testing.T) {
	for _, c := range []struct{ in, unsaid, plain, markup string }{
		{"Plain", "Plain", "Plain", "Plain"},
		{" Two\n\t lines ", "Two lines", "Two lines", "Two lines"},
		{"<b>Bold</b> move", "Bold move", "<b>Bold</b> move", "Bold move"},
		{"One<br>two", "One two", "One<br>two", "One two"},
		{`<a href="x">Link</a>`, "Link", `<a href="x">Link</a>`, "Link"},
		{"Why <b> is bad", "Why <b> is bad", "Why <b> is bad", "Why is bad"},
		{"if a<b and c>d", "if a<b and c>d", "if a<b and c>d", "if ad"},
		{"I <3 <gorilla> feeds", "I <3 <gorilla> feeds", "I <3 <gorilla> feeds", "I <3 feeds"},
		{"AT&amp;T", "AT&T", "AT&amp;T", "AT&T"},
		{"It&#8217;s &eacute;t&eacute;", "It’s été", "It&#8217;s &eacute;t&eacute;", "It’s été"},
		{"Q&A, a&b; &nonsense; ?a=1&copy=2", "Q&A, a&b; &nonsense; ?a=1&copy=2", "Q&A, a&b; &nonsense; ?a=1&copy=2", "Q&A, a&b; &nonsense; ?a=1&copy=2"},
		{"a&nbsp;b", "a b", "a&nbsp;b", "a b"},
		{"x&#8;y", "xy", "x&#8;y", "xy"},
	} {
		if got := parse.PlainText(c.in, parse.Unsaid); got != c.unsaid {
			t.Errorf("%q of no type: %q, want %q", c.in, got, c.unsaid)
		}
		if got := parse.PlainText(c.in, parse.Plain); got != c.plain {
			t.Errorf("%q as text: %q, want %q", c.in, got, c.plain)
		}
		if got := parse.PlainText(c.in, parse.Markup); got != c.markup {
			t.Errorf("%q as HTML: %q, want %q", c.in, got, c.markup)
		}
	}
}

func TestPersonText(t *testing.T) {
	for in, want := range map[string]feed.Person{
		"jo@x.example (Jo Keel)":           {Name: "Jo Keel", Email: "jo@x.example"},
		"Jo Keel (jo@x.example)":           {Name: "Jo Keel", Email: "jo@x.example"},
		"Jo Keel <jo@x.example>":           {Name: "Jo Keel", Email: "jo@x.example"},
		`"Keel, Jo" <mailto:jo@x.example>`: {Name: "Keel, Jo", Email: "jo@x.example"},
		"jo@x.example":                     {Email: "jo@x.example"},
		"Jo Keel":                          {Name: "Jo Keel"},
		"Doe (ACME)":                       {Name: "Doe (ACME)"},
		"M&uuml;ller":                      {Name: "Müller"},
		" ":                                {},
	} {
		if got := parse.PersonText(in); got != want {
			t.Errorf("%q: %+v, want %+v", in, got, want)
		}
	}
}

func TestResolveHTML(t *testing.T) {
	const base = "https://x.example/a/b.html"
	for in, want := range map[string]string{
		`<a href="c">`:                                  `<a href="https://x.example/a/c">`,
		`<a class=k href='/c?d&amp;e'>`:                 `<a class=k href='https://x.example/c?d&amp;e'>`,
		`<a href="#f">`:                                 `<a href="https://x.example/a/b.html#f">`,
		`<img alt="x"SRC="//y.example/i">`:              `<img alt="x"SRC="https://y.example/i">`,
		`<img src="https://y.example/i é">`:             `<img src="https://y.example/i é">`,
		`<a href="mailto:a@b">`:                         `<a href="mailto:a@b">`,
		`<img src="data:image/gif;base64,R=">`:          `<img src="data:image/gif;base64,R=">`,
		`<img srcset="a 1x, https://y.example/b 2x,c">`: `<img srcset="https://x.example/a/a 1x, https://y.example/b 2x,https://x.example/a/c">`,
		`write href="c" in text`:                        `write href="c" in text`,
		`<p>write href="c" in text</p>`:                 `<p>write href="c" in text</p>`,
		`<img alt="src='c'">`:                           `<img alt="src='c'">`,
		`<a data-href="c">`:                             `<a data-href="c">`,
		`<a href="">`:                                   `<a href="">`,
		`<a href="%zz">`:                                `<a href="%zz">`,
		`<a href="c`:                                    `<a href="c`,
	} {
		if got := parse.ResolveHTML(in, base); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
