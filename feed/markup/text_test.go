package markup_test

import (
	"testing"

	"github.com/backissue/backissue/feed/markup"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain", "a  b\n c", "a b c"},
		{"entities", "AT&amp;T &lt;b&gt; caf&eacute;&nbsp;x", "AT&T <b> café x"},
		{"paragraphs", "<p>one\ntwo</p>\n<p> three <b>four</b>.</p>", "one two\n\nthree four."},
		{"paragraphs left open", "<p>a<p>b", "a\n\nb"},
		{"headings", "<h1>a</h1>b<h2>c</h2><p>d", "a\n\nb\n\nc\n\nd"},
		{"breaks", "a<br>b<br/>\n c<br><br>d<br><br><br>e", "a\nb\nc\n\nd\n\ne"},
		{"words stay apart", "<div>a</div><div>b</div>c", "a\nb\nc"},
		{"inline tags do not part words", "a<b>b</b>c<span> d</span>", "abc d"},
		{"lists", "a<ul><li>b</li><li><p>c</p><p>d</p><ol><li>e<li>f</ol></ul>g", "a\n\n- b\n- c\n\nd\n\n  1. e\n  2. f\n\ng"},
		{"preformatted", "a<pre>  b\n\n   c</pre>d", "a\n\n  b\n\n   c\n\nd"},
		{"tables", "<table><tr><th>a</th><th>b</th></tr><tr><td>c<td>d</table>e", "a | b\nc | d\n\ne"},
		{"pictures", `<p>a <img src=x alt=" a  dog "> <img src=y> <img alt="">b</p>`, "a [a dog] b"},
		{"links", `<a href="http://x/">a</a> b`, "a b"},
		{"hidden text", "a<script>x</script><style>y</style><!-- z --><title>t</title><noscript>n</noscript><iframe>i</iframe>b", "ab"},
		{"stray end tags", "a</ul></pre></script>b", "a\n\nb"},
		{"characters that XML forbids", "<b>a\x00b\x92c&#2;</b>", "abc"},
		{"frames that never end", "a<iframe>b", "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := markup.Text(c.in); got != c.want {
				t.Errorf("Text(%q)\n got %q\nwant %q", c.in, got, c.want)
			}
		})
	}
}

func TestFromText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"a", "<p>a</p>"},
		{" a < b\r\nc & d \n\n \n\n<e>\n\n", "<p>a &lt; b<br>\nc &amp; d</p>\n<p>&lt;e&gt;</p>"},
		{"a\x00\x1bb", "<p>ab</p>"},
	} {
		if got := markup.FromText(c.in); got != c.want {
			t.Errorf("FromText(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

func TestURL(t *testing.T) {
	for _, c := range []struct{ ref, base, want string }{
		{"http://a.example/b?c=d#e", "", "http://a.example/b?c=d#e"},
		{"http://a.example/ü b|[c]", "", "http://a.example/%C3%BC%20b%7C%5Bc%5D"},
		{"http://bücher.example:8080/", "", "http://xn--bcher-kva.example:8080/"},
		{"http://b%C3%BCcher.example", "", "http://xn--bcher-kva.example"},
		{"HTTPS://A.example", "", "https://A.example"},
		{"http:///a.example/b", "", "http://a.example/b"},
		{`http:\\a.example\b?c\d`, "", "http://a.example/b?c%5Cd"},
		{"http://a.example/50%-off", "", "http://a.example/50%25-off"},
		{"http://a.example/#b#c", "", "http://a.example/#b%23c"},
		{" http://a.example/b\n c ", "", "http://a.example/b%20c"},
		{"http://u:p@a.example/", "", "http://u:p@a.example/"},
		{"http://a.example:99999/", "", ""},
		{"http://a.example:x/", "", ""},
		{"http://[::1]/", "", ""},
		{"http://a b/", "", ""},
		{"http://", "", ""},
		{"http://a.example./b", "", "http://a.example/b"},
		{"http://a..example/", "", ""},
		{"http://xn--/", "", ""},
		{"http://\xff.example/", "", ""},
		{"http://xn--bcher-kva.example/", "", "http://xn--bcher-kva.example/"},
		{"http://a--b.example?c", "", "http://a--b.example?c"},
		{"b", "http://a.example", "http://a.example/b"},
		{"./b:c", "http://a.example/d/e", "http://a.example/d/b:c"},
		{"1:2", "http://a.example", ""},
		{"b", "not a base", ""},
		{"b", "mailto:x@y.example", ""},
		{"b", "", ""},
		{"", "http://a.example/", ""},
		{"//b.example/c", "http://a.example", "http://b.example/c"},
		{"//b.example/c", "", "https://b.example/c"},
		{"mailto:a b@c.example", "", "mailto:a%20b@c.example"},
		{"mailto:", "", ""},
		{"gopher://h.example:70/0/x", "", "gopher://h.example:70/0/x"},
		{"javascript:x", "http://a.example", ""},
		{"C:\\x", "http://a.example", ""},
		{"file:///etc/passwd", "", ""},
	} {
		got := markup.URL(c.ref, c.base)
		if got != c.want {
			t.Errorf("URL(%q, %q) = %q, want %q", c.ref, c.base, got, c.want)
		}
		if again := markup.URL(got, ""); again != got {
			t.Errorf("URL(%q) = %q, want it unchanged", got, again)
		}
	}
}

func FuzzURL(f *testing.F) {
	f.Add("http://a.example/b", base)
	f.Add("../ü?a=b#c", base)
	f.Add("//[::1]:80", "")
	f.Add(`http:\\user@h%20.example:1\x`, "")
	f.Fuzz(func(t *testing.T, ref, base string) {
		got := markup.URL(ref, base)
		if again := markup.URL(got, base); again != got {
			t.Errorf("URL(%q) = %q, want it unchanged", got, again)
		}
		for i := range len(got) {
			if c := got[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>' || c == '[' || c == ']' {
				t.Errorf("URL(%q, %q) = %q, which holds %q", ref, base, got, c)
			}
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("<p>a<ul><li>b")
	f.Add("<table><tr><td>a<pre> b")
	f.Fuzz(func(t *testing.T, in string) {
		if got := markup.Text(in); markup.Legible(got) != got {
			t.Errorf("Text(%q) = %q", in, got)
		}
		mustBeClean(t, markup.FromText(in))
	})
}
