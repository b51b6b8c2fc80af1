package markup_test

import (
	"strings"
	"testing"

	"github.com/backissue/backissue/feed/markup"
)

func BenchmarkClean(b *testing.B) {
	for _, c := range []struct{ name, html string }{
		{"text", strings.Repeat("Some words of an article without any markup. ", 68)},
		{"clean", strings.Repeat(`<p>Some words of an article, <em>well</em> set, with a <a href="https://news.example/a?b=1&amp;c=2">link</a> and a picture: <img src="https://news.example/i.jpg" alt="A picture"></p>`, 16)},
		{"wellformed", strings.Repeat(`<p class="wp-block">Some words &#8220;of an article&#8221;, <em>well</em> set,<br /> with a <a href="https://news.example/a?b=1&c=2" target="_blank">link</a> and a picture: <img class="x" src="/i.jpg" alt="A picture" style="width:1px" /></p>`, 12)},
		{"misnested", strings.Repeat(`<p class="x">Some words of an article, <em>badly</em> set,<p> with a <a href="/a?b=1&c=2" onclick="z">link</a> and a picture: <img src="i.jpg" alt="A picture" />`, 18)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.html)))
			b.ReportAllocs()
			for b.Loop() {
				markup.Clean(c.html, base)
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	html := strings.Repeat(`<p class="x">Some words of an article, <em>well</em> set, with a <a href="/a?b=1&c=2">link</a> and a picture: <img src="i.jpg" alt="A picture" /></p>`, 20)
	b.SetBytes(int64(len(html)))
	b.ReportAllocs()
	for b.Loop() {
		markup.Text(html)
	}
}
