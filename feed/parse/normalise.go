package parse

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// maxUnzipped bounds what a gzipped body may unfold to, in bytes.
const maxUnzipped = 256 << 20

// normalise returns the bytes as text fit for XML: valid UTF-8 without the characters that XML 1.0
// §2.2 forbids and, outside of CDATA sections, without references to them. What had to be mended
// is noted. The encoding declaration stays as it stands; nothing after this asks for it.
func normalise(data []byte, contentType string, mended *repairs) (string, error) {
	if bytes.HasPrefix(data, []byte("\x1f\x8b")) {
		plain, err := gunzip(data)
		if len(plain) == 0 && err != nil {
			return "", fmt.Errorf("%w: a gzip file that cannot be unpacked: %v", ErrNotFeed, err)
		}
		if err != nil {
			mended.note("the gzip data was damaged; what came before the damage was kept")
		} else {
			mended.note("the body was gzipped without saying so")
		}
		data = plain
	}
	text := legalise(decode(data, contentType, mended), mended)
	if strings.IndexByte(text, '\r') >= 0 { // XML 1.0 §2.11
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	}
	return text, nil
}

// gunzip unpacks as much as it can; with an error, what it returns is what came before the damage.
func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxUnzipped+1))
	if len(plain) > maxUnzipped {
		return nil, errors.New("it unfolds to more than " + strconv.Itoa(maxUnzipped>>20) + " MB")
	}
	return plain, err
}

// decode turns bytes of any encoding into valid UTF-8. What tells the encoding is, in this order, a
// byte order mark, the bytes of the first characters, the charset of the HTTP header (RFC 7303
// §3.2), the XML declaration, and else: UTF-8 if it is valid, what the letters' frequencies leave no
// doubt of if not, and windows-1252 for the rest. A label that the bytes contradict is passed over.
func decode(data []byte, contentType string, mended *repairs) string {
	if enc, name, skip := wideEncoding(data); enc != nil {
		mended.note("the feed was in " + name)
		return convert(data[skip:], enc)
	}
	data, marked := bytes.CutPrefix(data, []byte("\xef\xbb\xbf"))
	isASCII := ascii(data)
	valid := isASCII || utf8.Valid(data)
	if marked {
		return validUTF8(data, valid, mended)
	}
	header, declared := headerCharset(contentType), declaredCharset(data)
	saidUTF8 := false
	for _, label := range []string{header, declared} {
		if label == "" {
			continue
		}
		enc, name := charset.Lookup(label)
		switch {
		case enc == nil:
			mended.note(fmt.Sprintf("the encoding %q does not exist and was passed over", clean(label)))
		case name == "utf-8":
			saidUTF8 = true // unless the bytes say no and the next label knows better
			if valid {
				return string(data)
			}
		case strings.HasPrefix(name, "utf-16") || name == "replacement":
			mended.note(fmt.Sprintf("the feed claimed to be in %s and was not", label))
		case isASCII && !stateful(name):
			return string(data)
		case valid && !isASCII && (name == "windows-1252" || isUTF8Label(declared)):
			mended.note(fmt.Sprintf("the feed claimed to be in %s and was in UTF-8", label))
			return string(data)
		default:
			return convert(data, enc)
		}
	}
	if valid || saidUTF8 {
		return validUTF8(data, valid, mended)
	}
	if enc, name := guessEncoding(data); enc != nil {
		mended.note("the feed did not name its encoding; going by its letters it was read as " + name)
		return convert(data, enc)
	}
	mended.note("the feed did not name its encoding; it was read as windows-1252")
	return convert(data, charmap.Windows1252)
}

// stateful reports whether bytes of ASCII may mean something else in an encoding.
func stateful(name string) bool { return strings.HasPrefix(name, "iso-2022") || name == "hz-gb-2312" }

func validUTF8(data []byte, valid bool, mended *repairs) string {
	if valid {
		return string(data)
	}
	mended.note("bytes that are not UTF-8 were replaced by U+FFFD")
	return strings.ToValidUTF8(string(data), "\uFFFD")
}

func convert(data []byte, enc encoding.Encoding) string {
	text, err := enc.NewDecoder().Bytes(data)
	if err != nil {
		text = data // unreachable: decoders replace what they cannot read
	}
	return strings.ToValidUTF8(string(text), "\uFFFD")
}

// wideEncoding recognises encodings in which "<" is not the byte 0x3c followed by anything but
// zero: UTF-16 and UTF-32, with a byte order mark or without, and EBCDIC. skip is the mark's length.
func wideEncoding(data []byte) (enc encoding.Encoding, name string, skip int) {
	marks := []struct {
		start string
		enc   encoding.Encoding
		name  string
		skip  int
	}{
		{"\x00\x00\xfe\xff", utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), "UTF-32", 4},
		{"\xff\xfe\x00\x00", utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "UTF-32", 4},
		{"\x00\x00\x00<", utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), "UTF-32", 0},
		{"<\x00\x00\x00", utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "UTF-32", 0},
		{"\xfe\xff", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "UTF-16", 2},
		{"\xff\xfe", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "UTF-16", 2},
		{"\x00<\x00", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "UTF-16", 0},
		{"<\x00", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "UTF-16", 0},
		{"\x00{\x00", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "UTF-16", 0},
		{"{\x00", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "UTF-16", 0},
		{"\x4c\x6f\xa7\x94", charmap.CodePage037, "EBCDIC", 0},
	}
	for _, m := range marks {
		if bytes.HasPrefix(data, []byte(m.start)) {
			return m.enc, m.name, m.skip
		}
	}
	return nil, "", 0
}

func headerCharset(contentType string) string {
	if contentType == "" {
		return ""
	}
	if _, params, err := mime.ParseMediaType(contentType); err == nil {
		return strings.TrimSpace(params["charset"])
	}
	_, label, _ := strings.Cut(strings.ToLower(contentType), "charset=")
	label, _, _ = strings.Cut(label, ";")
	return strings.Trim(label, " \t\"'")
}

// declaredCharset returns the encoding that the XML declaration names, wherever in the first
// kilobyte it stands.
func declaredCharset(data []byte) string {
	start := data[:min(len(data), 1024)]
	i := bytes.Index(start, []byte("<?xml"))
	if i < 0 {
		return ""
	}
	decl, _, ok := bytes.Cut(start[i:], []byte("?>"))
	if !ok {
		return ""
	}
	_, after, ok := bytes.Cut(decl, []byte("encoding"))
	if !ok {
		return ""
	}
	after = bytes.TrimLeft(after, " \t\r\n=")
	if len(after) < 2 || after[0] != '"' && after[0] != '\'' {
		return ""
	}
	label, _, _ := bytes.Cut(after[1:], after[:1])
	return string(bytes.TrimSpace(label))
}

func isUTF8Label(label string) bool {
	_, name := charset.Lookup(label)
	return name == "utf-8"
}

func ascii(data []byte) bool {
	for len(data) >= 8 {
		if binary.LittleEndian.Uint64(data)&0x8080808080808080 != 0 {
			return false
		}
		data = data[8:]
	}
	for _, c := range data {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// legalise leaves out what XML does not allow in valid UTF-8.
func legalise(s string, mended *repairs) string {
	if hasIllegal(s) {
		mended.note("characters that XML forbids were left out")
		s = withoutIllegal(s)
	}
	if hasIllegalRef(s) {
		mended.note("references to characters that XML forbids were left out")
		s = withoutIllegalRefs(s)
	}
	return s
}

// hasIllegal reports whether valid UTF-8 holds characters that XML 1.0 §2.2 forbids.
func hasIllegal(s string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	b := s
	for len(b) >= 8 {
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		if (w-ones*0x20)&^w&highs != 0 && hasControl(b[:8]) {
			return true
		}
		b = b[8:]
	}
	return hasControl(b) || hasNonCharacter(s)
}

// hasNonCharacter reports whether s holds U+FFFE or U+FFFF.
func hasNonCharacter(s string) bool {
	for {
		i := strings.Index(s, "\xef\xbf")
		if i < 0 || i+2 >= len(s) {
			return false
		}
		if s[i+2] >= 0xbe {
			return true
		}
		s = s[i+2:]
	}
}

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 && c != '\n' && c != '\t' && c != '\r' {
			return true
		}
	}
	return false
}

func withoutIllegal(s string) string {
	return strings.Map(func(r rune) rune {
		if !legal(r) {
			return -1
		}
		return r
	}, s)
}

func legal(r rune) bool {
	switch {
	case r < 0x20:
		return r == '\n' || r == '\t' || r == '\r'
	case r < 0xd800:
		return true
	}
	return r >= 0xe000 && r != 0xfffe && r != 0xffff && r <= utf8.MaxRune
}

// clean makes any string safe to keep: valid UTF-8 without characters that XML forbids.
func clean(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if hasIllegal(s) {
		s = withoutIllegal(s)
	}
	return s
}

// charRef reads the numeric character reference at the start of s and returns its length; 0 where
// there is none.
func charRef(s string) (r rune, n int) {
	if len(s) < 4 || s[0] != '&' || s[1] != '#' {
		return 0, 0
	}
	i, base := 2, rune(10)
	if s[2]|0x20 == 'x' {
		i, base = 3, 16
	}
	first := i
	for ; i < len(s) && s[i] != ';'; i++ {
		d := hexDigit(s[i])
		if d < 0 || d >= base {
			return 0, 0
		}
		if r = r*base + d; r > utf8.MaxRune {
			r = utf8.MaxRune + 1
		}
	}
	if i == len(s) || i == first {
		return 0, 0
	}
	return r, i + 1
}

func hexDigit(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return -1
}

func hasIllegalRef(s string) bool {
	for {
		i := strings.Index(s, "&#")
		if i < 0 {
			return false
		}
		if r, n := charRef(s[i:]); n > 0 && !legal(r) {
			return true
		}
		s = s[i+2:]
	}
}

func withoutIllegalRefs(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for s != "" {
		i := strings.IndexAny(s, "&<")
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		if strings.HasPrefix(s, "<![CDATA[") {
			end := strings.Index(s, "]]>")
			if end < 0 {
				break
			}
			b.WriteString(s[:end+3])
			s = s[end+3:]
			continue
		}
		r, n := charRef(s)
		switch {
		case n == 0 || legal(r):
			b.WriteByte(s[0])
			s = s[1:]
			continue
		case openRef(b.String()):
			// What stands before and after must not join to a new reference.
			b.WriteString("\uFFFD")
		}
		s = s[n:]
	}
	b.WriteString(s)
	return b.String()
}

// openRef reports whether s ends within what may become a character reference.
func openRef(s string) bool {
	end := s[max(0, len(s)-16):]
	return strings.LastIndexByte(end, '&') > strings.LastIndexByte(end, ';')
}
