package render

import "encoding/xml"

// rawElement is an element of another format's, written as it is.
type rawElement struct {
	XMLName xml.Name   // prefix and local name in Local
	Attrs   []xml.Attr `xml:",any,attr"`
	Inner   string     `xml:",innerxml"`
}

func (e *entry) extra(spaces *namespaces) []rawElement { return nil }
