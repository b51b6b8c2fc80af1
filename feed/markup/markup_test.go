package markup_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/backissue/backissue/feed/markup"
)

const base = "https://example.org/a/b.html"

var cleanings = []struct{ name, in, want string }{
	{"empty", "", ""},
	{"plain text", "Bread and butter", "Bread and butter"},
	{"text with an ampersand", "AT&T and R&D", "AT&amp;T and R&amp;D"},
	{"text with a less-than sign", "1 < 2 > 0", "1 &lt; 2 &gt; 0"},
	{"entities", "caf&eacute; &#8217; &nbsp;&amp;lt; &copy 2020", "café ’ \u00a0&amp;lt; © 2020"},
	{"well-formed", `<p>One <b>two</b></p>`, `<p>One <b>two</b></p>`},
	{"presentation goes", `<p class="x" style="color:red" id=y align=center>a</p>`, `<p>a</p>`},
	{"spans without meaning go", `<span class="x">a</span> <span lang="fr">b</span>`, `a <span lang="fr">b</span>`},
	{"old elements", `<center><strike>a</strike><tt>b</tt><font color=red>c</font></center>`, `<div><s>a</s><code>b</code>c</div>`},
	{"void elements", `a<br />b<hr/><wbr>`, `a<br>b<hr><wbr>`},
	{"capitals", `<P>a<BR></P>`, `<p>a<br></p>`},
	{"comments", `a<!-- more -->b<!---->c`, `abc`},
	{"doctype and shell", `<!DOCTYPE html><html><head><title>t</title></head><body><p>a</p></body></html>`, `<p>a</p>`},
	{"CDATA", `<![CDATA[<p>a</p>]]>`, `a<p></p>]]&gt;`},
	{"open paragraphs", `<p>a<p>b`, `<p>a</p><p>b</p>`},
	{"list in a paragraph", `<p>a<ul><li>b<li>c</ul></p>`, `<p>a</p><ul><li>b</li><li>c</li></ul><p></p>`},
	{"misnested", `<b><i>a</b>b</i>`, `<b><i>a</i></b><i>b</i>`},
	{"stray end tags", `a</b></div></p>b`, `a<p></p>b`},
	{"unknown elements", `<o:p>a</o:p><x-y>b</x-y><fb:like>c</fb:like>`, `abc`},
	{"links in links", `<a href="/x">a<a href="/y">b</a></a>`, `<a href="https://example.org/x">a</a><a href="https://example.org/y">b</a>`},
	{"links in links across a table", `<a href="/x"><table><tr><td><a href="/y">b</a></td></tr></table></a>`, `<a href="https://example.org/x"><table><tbody><tr><td>b</td></tr></tbody></table></a>`},
	{"item outside a list", `<li>a</li><dd>b</dd>`, `<div>a</div><div>b</div>`},
	{"text inside a table", `<table>a<tr><td>b</table>`, `a<table><tbody><tr><td>b</td></tr></tbody></table>`},
	{"table parts outside a table", `<td>a</td><tr>b</tr>`, `ab`},
	{"table", "<table>\n<caption>c</caption><thead><tr><th scope=\"col\">a</th></tr></thead>\n<tbody><tr><td colspan=\"2\">b</td></tr></tbody></table>", "<table>\n<caption>c</caption><thead><tr><th scope=\"col\">a</th></tr></thead>\n<tbody><tr><td colspan=\"2\">b</td></tr></tbody></table>"},
	{"definition list", `<dl><div><dt>a</dt><dd>b</dd></div><dt>c</dt></dl>`, `<dl><div><dt>a</dt><dd>b</dd></div><dt>c</dt></dl>`},
	{"ruby", `<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>`, `<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>`},
	{"details", `<details open><summary>a</summary>b</details>`, `<details open=""><summary>a</summary>b</details>`},
	{"figure", `<figure><img src="/i.png" alt="a &quot;b&quot;"><figcaption>c</figcaption></figure>`, `<figure><img src="https://example.org/i.png" alt="a &quot;b&quot;"><figcaption>c</figcaption></figure>`},
	{"first line break of a preformatted text", "<pre>\n\na\n b</pre><o:p>", "<pre>\n\na\n b</pre>"},
	{"double attributes", `<a href="/x" href="/y" HREF="/z">a</a>`, `<a href="https://example.org/x">a</a>`},
	{"ampersand in an address", `<a href="/x?a=1&b=2&amp;copy=3">a</a>`, `<a href="https://example.org/x?a=1&amp;b=2&amp;copy=3">a</a>`},
	{"ampersand that looks like a reference", `<a href="/x?a=1&copy=2">a</a>`, `<a href="https://example.org/x?a=1&amp;copy=2">a</a>`},
	{"addresses", `<a href="c">1</a><a href="?q">2</a><a href="#f">3</a><a href="//h.example/x">4</a><a href="../d e">5</a>`,
		`<a href="https://example.org/a/c">1</a><a href="https://example.org/a/b.html?q">2</a><a href="https://example.org/a/b.html#f">3</a>` +
			`<a href="https://h.example/x">4</a><a href="https://example.org/d%20e">5</a>`},
	{"other schemes", `<a href="mailto:a@b.example">1</a><a href="gopher://h.example/0x">2</a><a href="magnet:?xt=urn:btih:x">3</a>`,
		`<a href="mailto:a@b.example">1</a><a href="gopher://h.example/0x">2</a><a href="magnet:?xt=urn:btih:x">3</a>`},
	{"pictures", `<picture><source srcset="a.webp 1x, b.webp 2x" type="image/webp"><img src="a.png" srcset="a.png 100w,/b.png 200w" width="100px" height="50%"></picture>`,
		`<picture><source srcset="https://example.org/a/a.webp 1x, https://example.org/a/b.webp 2x" type="image/webp">` +
			`<img src="https://example.org/a/a.png" srcset="https://example.org/a/a.png 100w, https://example.org/b.png 200w" width="100" height="50%"></picture>`},
	{"a picture that waits for a script", `<img src="data:image/gif;base64,R0" data-src="/i.png" data-lazy-src="/j.png">`, `<img src="https://example.org/i.png">`},
	{"a picture without address", `<img alt="x" width="1">`, ``},
	{"film", `<video src="/v.mp4" autoplay poster="/p.png"><source src="/v.webm"></video>`,
		`<video src="https://example.org/v.mp4" poster="https://example.org/p.png" controls=""><source src="https://example.org/v.webm"></video>`},
	{"frame", `a<iframe src="https://video.example/e/1" title="A film" width="9"><p>no frames</p></iframe>b`, `a<a href="https://video.example/e/1">A film</a>b`},
	{"control characters", "a\x00b\x08c\x85d\u0092e\uFFFEf&#1;g&#146;h\r\ni", "abcd’efg’h\ni"},
	{"object", `<object data="x.swf"><p>fallback</p>and more`, `<p>fallback</p>and more`},
	{"unclosed frame", `<frame src="x">text`, `text`},
}

func TestClean(t *testing.T) {
	for _, c := range cleanings {
		t.Run(c.name, func(t *testing.T) {
			got := markup.Clean(c.in, base)
			if got != c.want {
				t.Errorf("Clean(%q)\n got %q\nwant %q", c.in, got, c.want)
			}
			mustBeClean(t, got)
		})
	}
}

func TestCleanWithoutBase(t *testing.T) {
	in := `<p><a href="/x">a</a> <img src="i.png"> <a href="//h.example">b</a> <a href="http://h.example/ü">c</a></p>`
	want := `<p>a  <a href="https://h.example">b</a> <a href="http://h.example/%C3%BC">c</a></p>`
	if got := markup.Clean(in, ""); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// attacks are ways in which HTML has carried programs past sanitizers. What is left of them is
// wanted word for word where something harmless remains.
var attacks = []struct{ in, want string }{
	{`<script>alert(1)</script>a`, `a`},
	{`<SCRIPT SRC=//evil.example/x.js></SCRIPT>a`, `a`},
	{`<scr<script>ipt>alert(1)</script>`, `ipt&gt;alert(1)`},
	{`<img src=x onerror=alert(1)>`, `<img src="https://example.org/a/x">`},
	{`<img src="x"onerror="alert(1)">`, `<img src="https://example.org/a/x">`},
	{`<img/src=x/onerror=alert(1)>`, `<img src="https://example.org/a/x/onerror=alert(1)">`},
	{`<p onclick='alert(1)' ONLOAD=x>a</p>`, `<p>a</p>`},
	{`<a href="javascript:alert(1)">a</a>`, `a`},
	{`<a href=" JaVaScRiPt:alert(1)">a</a>`, `a`},
	{`<a href="java&#115;cript:alert(1)">a</a>`, `a`},
	{"<a href=\"java\tscript:alert(1)\">a</a>", `a`},
	{`<a href="java&#10;script:alert(1)">a</a>`, `a`},
	{"<a href=\"\x01javascript:alert(1)\">a</a>", `a`},
	{`<a href="&#106;&#x61;vascript&colon;alert(1)">a</a>`, `a`},
	{`<a href="vbscript:x">a</a>`, `a`},
	{`<a href="data:text/html;base64,PHNjcmlwdD4=">a</a>`, `a`},
	{`<img src="data:image/svg+xml,<svg onload=alert(1)>">`, ``},
	{`<img srcset="javascript:x 1x, data:x 2x">`, ``},
	{`<video poster="javascript:x" src="data:x"></video>`, `<video controls=""></video>`},
	{`<blockquote cite="javascript:x">a</blockquote>`, `<blockquote>a</blockquote>`},
	{`<svg onload=alert(1)><circle/></svg>`, ``},
	{`<svg><script>alert(1)</script></svg>`, ``},
	{`<svg><style><img src=x onerror=alert(1)></style></svg>`, ``},
	{`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`, `<table></table>`},
	{`<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>`, `<img src="https://example.org/a/x">"&gt;`},
	{`<template><img src=x onerror=alert(1)></template>`, `<img src="https://example.org/a/x">`},
	{`<style>@import 'javascript:x'</style>a`, `a`},
	{`<p style="background:url(javascript:x)">a</p>`, `<p>a</p>`},
	{`<base href="//evil.example/"><a href="x">a</a>`, `<a href="https://example.org/a/x">a</a>`},
	{`<meta http-equiv="refresh" content="0;url=javascript:x">a`, `a`},
	{`<link rel="stylesheet" href="//evil.example/x.css">a`, `a`},
	{`<iframe srcdoc="<script>alert(1)</script>"></iframe>a`, `a`},
	{`<iframe src="javascript:alert(1)"></iframe>a`, `a`},
	{`<embed src="x.swf"><object data="javascript:x"></object>a`, `a`},
	{`<form action="javascript:x"><button formaction="javascript:y">b</button></form>`, `<div>b</div>`},
	{`<input autofocus onfocus=alert(1)>a`, `a`},
	{`<![CDATA[<script>alert(1)</script>]]>`, `alert(1)]]&gt;`},
	{`<!--><img src=x onerror=alert(1)>-->`, `<img src="https://example.org/a/x">--&gt;`},
	{`<!--a--!><img src=x onerror=alert(1)>-->`, `<img src="https://example.org/a/x">--&gt;`},
	{`<?xml version="1.0"?><?php echo "<script>" ?>a`, `" ?&gt;a`},
	{`<a href="x" title='"><script>alert(1)</script>'>a</a>`, `<a href="https://example.org/a/x" title="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;">a</a>`},
	{"<a href=\"x\" title=`\"><script>alert(1)</script>`>a</a>", "<a href=\"https://example.org/a/x\" title=\"`&quot;\">`&gt;a</a>"},
	{`&lt;script&gt;alert(1)&lt;/script&gt;`, `&lt;script&gt;alert(1)&lt;/script&gt;`},
	{`<xmp><script>alert(1)</script></xmp>`, `&lt;script&gt;alert(1)&lt;/script&gt;`},
	{`<textarea><img src=x onerror=alert(1)></textarea>`, `&lt;img src=x onerror=alert(1)&gt;`},
	{`<plaintext><script>alert(1)</script>`, `&lt;script&gt;alert(1)&lt;/script&gt;`},
	{`<img src="x` + "`" + `onerror=alert(1)` + "`" + `">`, `<img src="https://example.org/a/x%60onerror=alert(1)%60">`},
	{`<a href="https://good.example\@evil.example">a</a>`, `<a href="https://good.example/@evil.example">a</a>`},
}

func TestAttacks(t *testing.T) {
	for _, c := range attacks {
		got := markup.Clean(c.in, base)
		if got != c.want {
			t.Errorf("Clean(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
		mustBeClean(t, got)
	}
}

func TestDeepNesting(t *testing.T) {
	for _, in := range []string{
		strings.Repeat("<div>", 100_000) + "a",
		strings.Repeat("<blockquote>", 300) + "a" + strings.Repeat("</blockquote>", 300),
		strings.Repeat("<table><tr><td>", 120) + "a",
		strings.Repeat("<b><i><em><u><s><a href=x>", 20) + strings.Repeat("<p>a", 100_000),
		strings.Repeat("<ul><li>", 60) + "a",
		strings.Repeat("<", 100_000) + " a",
		"a " + strings.Repeat("<a b=", 50_000),
	} {
		got := markup.Clean(in, base)
		if !strings.Contains(got, "a") {
			t.Errorf("Clean(%.30q…) lost the text: %.80q", in, got)
		}
		if len(got) > 10*len(in) {
			t.Errorf("Clean(%.30q…) made %d bytes of %d", in, len(got), len(in))
		}
		mustBeClean(t, got)
		if !strings.Contains(markup.Text(in), "a") {
			t.Errorf("Text(%.30q…) lost the text", in)
		}
	}
}

// mustBeClean checks what Clean promises of its result with a parser of its own.
func mustBeClean(t *testing.T, got string) {
	t.Helper()
	if again := markup.Clean(got, base); again != got {
		t.Errorf("cleaning again changes\n     %q\ninto %q", got, again)
	}
	if again := markup.Clean(got, ""); again != got {
		t.Errorf("cleaning again without a base changes\n     %q\ninto %q", got, again)
	}
	if markup.Legible(got) != got {
		t.Errorf("holds characters that XML forbids: %q", got)
	}
	nodes, err := html.ParseFragment(strings.NewReader(got), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		t.Fatalf("the result does not parse: %v", err)
	}
	var b strings.Builder
	for _, n := range nodes {
		for n := range n.Descendants() {
			inspect(t, n)
		}
		inspect(t, n)
		if err := html.Render(&b, n); err != nil {
			t.Fatalf("rendering what was parsed: %v", err)
		}
	}
	// The line break after <pre> is no part of the text, so a parser leaves it out.
	firstBreak := strings.NewReplacer("<pre>\n", "<pre>")
	if again := markup.Clean(b.String(), base); firstBreak.Replace(again) != firstBreak.Replace(got) {
		t.Errorf("an HTML parser makes another tree of it:\n %q\n %q", got, again)
	}
}

func inspect(t *testing.T, n *html.Node) {
	t.Helper()
	if n.Type != html.ElementNode {
		if n.Type != html.TextNode {
			t.Errorf("holds a node of type %d: %q", n.Type, n.Data)
		}
		return
	}
	switch n.Data {
	case "script", "style", "iframe", "object", "embed", "form", "svg", "math", "link", "meta", "base",
		"template", "noscript", "input", "button", "textarea", "select", "frame", "frameset", "applet":
		t.Errorf("holds <%s>", n.Data)
	}
	if n.Namespace != "" {
		t.Errorf("holds <%s> of %s", n.Data, n.Namespace)
	}
	for _, a := range n.Attr {
		switch a.Key {
		case "href", "src", "poster", "cite":
			scheme, _, _ := strings.Cut(a.Val, ":")
			if !strings.Contains(" http https mailto tel gopher gemini ftp magnet ", " "+scheme+" ") {
				t.Errorf("holds the address %q", a.Val)
			}
		case "srcset", "sizes", "alt", "title", "width", "height", "lang", "dir", "datetime", "value", "type",
			"media", "controls", "loop", "open", "start", "reversed", "colspan", "rowspan", "scope":
		default:
			t.Errorf("holds the attribute %s=%q", a.Key, a.Val)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, c := range cleanings {
		f.Add(c.in)
	}
	for _, c := range attacks {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		mustBeClean(t, markup.Clean(in, base))
	})
}
