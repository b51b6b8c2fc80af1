package parse

// repairs collects in plain words what had to be mended, each thing once.
type repairs struct {
	list []string
	cut  bool // the document ends before its end
}

// cutOff notes that the document ends before its end.
func (r *repairs) cutOff(words string) {
	r.cut = true
	r.note(words)
}

// maxRepairs bounds the list: a feed of ten thousand bad dates needs no ten thousand notes.
const maxRepairs = 20

func (r *repairs) note(words string) {
	for _, have := range r.list {
		if have == words {
			return
		}
	}
	if len(r.list) < maxRepairs {
		r.list = append(r.list, words)
	}
}
