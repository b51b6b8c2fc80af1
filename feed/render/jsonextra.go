package render

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"

	"github.com/backissue/backissue/feed"
	"github.com/backissue/backissue/feed/markup"
)

// Members of a JSON Feed that had no field when they came in ("_name" objects) go out again as they
// were, in RSS and Atom as elements of JSON Feed's namespace. Extension elements of RSS and Atom have
// no place in JSON Feed; they go out as the XML they are, in one member.

// jsonXML is the member "_xml": extension elements, each a well-formed document of its own.
type jsonXML struct {
	About    string   `json:"about"`
	Elements []string `json:"elements"`
}

// newJSONXML returns the extension elements of an article or a feed; nil for none.
func newJSONXML(nodes []node) *jsonXML {
	x := &jsonXML{About: aboutExtension}
	for i := range nodes {
		if nodes[i].space == nsJSONFeed {
			continue
		}
		spaces := newNamespaces("")
		raw := nodes[i].raw(spaces)
		raw.Attrs = append(spaces.declarations(), raw.Attrs...)
		if text, err := xml.Marshal(raw); err == nil {
			x.Elements = append(x.Elements, string(text))
		}
	}
	if x.Elements == nil {
		return nil
	}
	return x
}

// jsonMember is a member as it came in.
type jsonMember struct {
	name  string
	value json.RawMessage
}

// jsonMembers returns the members that came with a JSON Feed: those that its rules allow, and those
// that they do not (a name without "_", a value that is no object), which can go out only inside of
// our own.
func jsonMembers(extra []feed.Element) (own []jsonMember, odd map[string]json.RawMessage) {
	seen := map[string]bool{"_backissue": true}
	for i := range extra {
		x := &extra[i]
		if x.Space != nsJSONFeed || seen[x.Name] {
			continue
		}
		n, ok := parseElement(x)
		if !ok {
			n.kids = []node{{text: markup.Legible(xmlText(x.Inner))}} // a name that XML does not have
		}
		value := json.RawMessage(n.content())
		if !json.Valid(value) {
			continue
		}
		seen[x.Name] = true
		if isExtensionName(x.Name) && value[0] == '{' {
			own = append(own, jsonMember{x.Name, value})
			continue
		}
		if odd == nil {
			odd = make(map[string]json.RawMessage)
		}
		odd[x.Name] = value
	}
	return own, odd
}

// xmlText returns the text of character data.
func xmlText(inner string) string {
	var s string
	if err := xml.Unmarshal([]byte("<x>"+inner+"</x>"), &s); err != nil {
		return ""
	}
	return s
}

// isExtensionName reports whether a member may have that name (JSON Feed 1.1, "Extensions").
func isExtensionName(name string) bool {
	return len(name) > 1 && name[0] == '_' && 'a' <= name[1]|0x20 && name[1]|0x20 <= 'z' && !strings.Contains(name, ".")
}

// extended is a JSON object with members added at its end.
type extended struct {
	object  any
	members []jsonMember
}

// MarshalJSON writes the object with its members.
func (x extended) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(x.object); err != nil {
		return nil, err
	}
	b.Truncate(bytes.LastIndexByte(b.Bytes(), '}'))
	for _, m := range x.members {
		b.WriteByte(',')
		if err := e.Encode(m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
