package parse_test

import (
	"testing"

	"golang.org/x/net/html/charset"

	"github.com/backissue/backissue/feed/parse"
)

// TestUndeclaredCharset reads feeds that do not say what they are encoded in: what is not written
// in Latin letters is told by its letters, all else is windows-1252.
func TestUndeclaredCharset(t *testing.T) {
	for _, c := range []struct{ label, text string }{
		{"shift_jis", "新しい記事が公開されました。今日は天気がよいので、公園を散歩しながら写真を撮りました。"},
		{"euc-jp", "新しい記事が公開されました。今日は天気がよいので、公園を散歩しながら写真を撮りました。"},
		{"euc-kr", "새로운 기사가 올라왔습니다. 오늘은 날씨가 좋아서 공원을 산책하면서 사진을 찍었습니다."},
		{"big5", "新的文章已經發表了。今天天氣很好，我們在公園裡散步，一邊走一邊拍照片，大家都很高興。"},
		{"gb18030", "新的文章已经发表了。今天天气很好，我们在公园里散步，一边走一边拍照片，大家都很高兴。"},
		{"koi8-r", "Опубликована новая статья. Сегодня хорошая погода, поэтому мы гуляли в парке и много фотографировали."},
		{"windows-1251", "Опубликована новая статья. Сегодня хорошая погода, поэтому мы гуляли в парке и много фотографировали."},
		{"windows-1253", "Δημοσιεύτηκε ένα νέο άρθρο. Σήμερα ο καιρός είναι καλός και περπατήσαμε στο πάρκο με τα παιδιά."},
		{"windows-1255", "פורסם מאמר חדש באתר. היום מזג האוויר נאה ולכן טיילנו בפארק וצילמנו תמונות רבות של העיר הישנה."},
		{"windows-874", "บทความใหม่ได้รับการเผยแพร่แล้ว วันนี้อากาศดีมาก เราจึงเดินเล่นในสวนสาธารณะและถ่ายรูปไว้มากมาย"},
		{"windows-1252", "Ein neuer Artikel ist erschienen: Größe, Straße, Äpfel und Öl über den schönen Dächern von Köln."},
		{"windows-1252", "Un nouvel article a été publié: l’été dernier, nous étions à la plage où les élèves ont fêté Noël."},
		{"windows-1252", "Se ha publicado un artículo: mañana el niño pequeño oirá una canción única. ¿Qué más querrá?"},
		{"windows-1252", "Uusi artikkeli: hyvää päivää, tänään sää on hyvä ja me kävelemme pitkään älä älä älä."},
	} {
		enc, _ := charset.Lookup(c.label)
		data, err := enc.NewEncoder().Bytes([]byte("<rss><channel><item><title>" + c.text + "</title></item></channel></rss>"))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := parse.Feed(data, parse.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := doc.Articles[0].Title; got != c.text {
			t.Errorf("%s: %q, want %q (%v)", c.label, got, c.text, doc.Source.Fetch.Repairs)
		}
		if len(doc.Source.Fetch.Repairs) == 0 {
			t.Errorf("%s: the guess is no repair", c.label)
		}
	}
}

// TestEntities reads feeds that declare entities of their own.
func TestEntities(t *testing.T) {
	for _, c := range []struct{ subset, title, want string }{
		{`<!ENTITY id "tag:example.org,">`, "&id;2024", "tag:example.org,2024"},
		{`<!ENTITY id 'a "b"'>`, "&id;", `a "b"`},
		{`<!ENTITY oe "&#246;"><!ENTITY eacute "x">`, "sch&oe;n &eacute;", "schön x"},
		{`<!ENTITY a "first"><!ENTITY a "second">`, "&a;", "first"},
		{`<!ENTITY a "text">`, "<![CDATA[&a;]]>", "&a;"},
		{`<!ENTITY a "text">`, "&amp;a; &b;", "&a; &b;"},
		{`<!ENTITY a "ha"><!ENTITY b "&a;&a;">`, "&b;", "&b;"},
		{`<!ENTITY a SYSTEM "file:///etc/passwd">`, "&a;", "&a;"},
		{`<!ENTITY % a "text">`, "&a; %a;", "&a; %a;"},
		{`<!ENTITY a "<b>">`, "&a;", "&a;"},
		{`<!-- <!ENTITY a "text"> -->`, "&a;", "&a;"},
		{`<!ENTITY a "open`, "&a;", ""},
	} {
		data := "<?xml version=\"1.0\"?><!DOCTYPE rss [" + c.subset + "]>\n" +
			"<rss><channel><item><link>https://example.org/</link><title>" + c.title + "</title></item></channel></rss>"
		doc, err := parse.Feed([]byte(data), parse.Options{})
		if c.want == "" {
			continue // whatever comes of it
		}
		if err != nil {
			t.Errorf("%s: %v", c.subset, err)
		} else if got := doc.Articles[0].Title; got != c.want {
			t.Errorf("%s: %q is %q, want %q", c.subset, c.title, got, c.want)
		}
	}
}

// TestCDF reads the format that came before RSS, with its names in upper and in lower case.
func TestCDF(t *testing.T) {
	for _, data := range []string{
		`<CHANNEL BASE="https://example.org/a/" HREF="home.html"><TITLE>Channel</TITLE><ABSTRACT>About</ABSTRACT>
		<LOGO HREF="logo.gif" STYLE="ICON"/>
		<ITEM HREF="1.html" LASTMOD="2004-04-06T23:05"><TITLE>One &amp; only</TITLE><ABSTRACT>1 &lt; 2</ABSTRACT></ITEM>
		<CHANNEL HREF="sub.html"><ITEM HREF="2.html"/></CHANNEL></CHANNEL>`,
		`<channel base="https://example.org/a/" href="home.html"><title>Channel</title><abstract>About</abstract>
		<logo href="logo.gif" style="ICON"/>
		<item href="1.html" lastmod="2004-04-06T23:05"><title>One &amp; only</title><abstract>1 &lt; 2</abstract></item>
		<channel href="sub.html"><item><a href="2.html"/></item></channel></channel>`,
	} {
		doc, err := parse.Feed([]byte(data), parse.Options{URL: "https://example.net/"})
		if err != nil {
			t.Fatal(err)
		}
		checkDocument(t, data, doc)
		s := doc.Source
		if s.Title != "Channel" || s.Description != "About" || s.Home != "https://example.org/a/home.html" || s.Image != "https://example.org/a/logo.gif" {
			t.Errorf("the channel is %+v", s)
		}
		if len(doc.Articles) != 2 {
			t.Fatalf("%d items, want 2", len(doc.Articles))
		}
		a := doc.Articles[0]
		if a.Title != "One & only" || a.Summary != "1 &lt; 2" || a.Link != "https://example.org/a/1.html" || a.Updated.Format("2006-01-02T15:04") != "2004-04-06T23:05" {
			t.Errorf("the first item is %+v", a)
		}
		if link := doc.Articles[1].Link; link != "https://example.org/a/2.html" {
			t.Errorf("the second item has the link %q", link)
		}
	}
}
