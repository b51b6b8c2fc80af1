package parse_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/parse"
)

// checkDocument checks what holds for every document, whatever it was read from.
func checkDocument(t *testing.T, name string, doc *parse.Document) {
	t.Helper()
	keys := make(map[string]bool)
	for i, a := range doc.Articles {
		if a.Key == "" || keys[a.Key] {
			t.Errorf("%s: item %d has the key %q, which is empty or taken", name, i, a.Key)
		}
		keys[a.Key] = true
		for _, x := range a.Extra {
			checkElement(t, name, x)
		}
	}
	for _, x := range doc.Source.Extra {
		checkElement(t, name, x)
	}
	eachString(reflect.ValueOf(doc), func(s string) {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, illegal) {
			t.Errorf("%s: the string %q cannot stand in XML", name, s)
		}
	})
}

func illegal(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
}

func eachString(v reflect.Value, visit func(string)) {
	switch v.Kind() {
	case reflect.String:
		visit(v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			eachString(v.Elem(), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachString(v.Index(i), visit)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			eachString(it.Key(), visit)
			eachString(it.Value(), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				eachString(v.Field(i), visit)
			}
		}
	}
}

// checkElement checks that the content of an extension is well-formed with the prefixes it names.
func checkElement(t *testing.T, name string, x feed.Element) {
	t.Helper()
	var b strings.Builder
	b.WriteString("<e")
	for prefix, uri := range x.Prefixes {
		b.WriteString(" xmlns")
		if prefix != "" {
			b.WriteString(":" + prefix)
		}
		b.WriteString(`="`)
		if err := xml.EscapeText(&b, []byte(uri)); err != nil {
			t.Fatal(err)
		}
		b.WriteString(`"`)
	}
	for _, a := range x.Attrs {
		b.WriteString(" " + a.Name + `="`)
		if err := xml.EscapeText(&b, []byte(a.Value)); err != nil {
			t.Fatal(err)
		}
		b.WriteString(`"`)
	}
	b.WriteString(">" + x.Inner + "</e>")
	d := xml.NewDecoder(strings.NewReader(b.String()))
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Errorf("%s: the extension %s is not well-formed: %v\n%s", name, x.Name, err, b.String())
			return
		}
		if start, ok := tok.(xml.StartElement); ok {
			// An undeclared prefix comes back from the decoder as the namespace itself.
			if s := start.Name.Space; s != "" && !strings.Contains(b.String(), `"`+escaped(s)+`"`) {
				t.Errorf("%s: the extension %s uses the prefix %q without declaring it", name, x.Name, s)
			}
		}
	}
}

func escaped(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return s
	}
	return b.String()
}

// asJSON returns a document as JSON without its empty fields.
func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	if err := enc.Encode(pruned(tree)); err != nil {
		t.Fatal(err)
	}
	return []byte(b.String())
}

// pruned returns a JSON value without members that say nothing.
func pruned(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, m := range v {
			m = pruned(m)
			if v[k] = m; m == nil || m == "" || m == false || m == 0.0 || m == "0001-01-01T00:00:00Z" {
				delete(v, k)
			}
		}
		if len(v) == 0 {
			return nil
		}
		return v
	case []any:
		for i := range v {
			v[i] = pruned(v[i])
		}
		if len(v) == 0 {
			return nil
		}
		return v
	}
	return v
}
