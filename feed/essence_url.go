package feed

import "strings"

// tracks reports whether a parameter of an address says only how its reader came by it.
func tracks(name string) bool {
	if len(name) > 32 {
		return false
	}
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "utm_") || strings.HasPrefix(name, "pk_") ||
		strings.HasPrefix(name, "mtm_") || strings.HasPrefix(name, "hsa_") {
		return true
	}
	switch name {
	case "fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "twclid", "igshid", "mc_cid", "mc_eid",
		"_hsenc", "_hsmi", "mkt_tok", "oly_anon_id", "oly_enc_id", "vero_id", "wickedid", "ncid", "cmpid", "xtor":
		return true
	}
	return false
}

// refers reports whether a parameter of a link may say the same as what [tracks] names, where something
// else speaks for two links leading to one page: on some sites it chooses the page.
func refers(name string) bool {
	switch strings.ToLower(name) {
	case "wt_mc", "wtrid", "wt.mc_id", "cmp", "at_medium", "at_campaign", "ns_mchannel", "ns_campaign",
		"traffic_source", "ito", "smid", "partner", "source", "ref", "ref_src", "feedname":
		return true
	}
	return false
}

// serving reports whether a parameter of a file's address says only in which size or format it is
// wanted, or lets somebody in for a while.
func serving(name string) bool {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "x-amz-") || strings.HasPrefix(name, "x-goog-") {
		return true
	}
	switch name {
	case "token", "expires", "signature", "sig", "key-pair-id", "policy", "hdnea", "hdnts",
		"w", "h", "width", "height", "resize", "fit", "crop", "quality", "q", "auto", "fm", "format", "dpr", "ssl",
		"strip", "zoom", "size", "s", "t", "v", "ver", "cb", "ts":
		return true
	}
	return false
}

// linkName returns an address in its normal form and without what [tracks] names: what two links
// to one page have in common.
func linkName(s string) string {
	if strings.IndexByte(s, '?') < 0 {
		return NormalURL(s)
	}
	return string(appendAddress(nil, s))
}

// appendAddress appends what [linkName] returns.
func appendAddress(to []byte, s string) []byte {
	path, query, anchor := split(s)
	if query == "" {
		return append(to, NormalURL(s)...)
	}
	mark := len(to)
	to = append(to, NormalURL(path)...)
	to = appendQuery(to, query, false)
	if anchor != "" {
		to = append(append(to, '#'), anchor...)
	}
	if len(to) > mark && to[len(to)-1] == '/' { // as NormalURL has it of an address without a query
		to = to[:len(to)-1]
	}
	return to
}

// split cuts an address into what comes before "?", what comes after, and what comes after "#".
func split(s string) (path, query, anchor string) {
	s = strings.TrimSpace(s)
	path, anchor, _ = strings.Cut(s, "#")
	path, query, _ = strings.Cut(path, "?")
	return path, query, anchor
}

func appendQuery(to []byte, query string, file bool) []byte {
	next := byte('?')
	for query != "" {
		var part string
		part, query, _ = strings.Cut(query, "&")
		part = strings.TrimPrefix(part, "amp;")
		name, _, _ := strings.Cut(part, "=")
		if part == "" || tracks(name) || file && serving(name) {
			continue
		}
		to = append(append(to, next), part...)
		next = '&'
	}
	return to
}

// appendMedia appends the address of a picture or recording without what says only in which size it
// is wanted or who may have it: of a file, all parameters; of anything else, those that are known to.
func appendMedia(to []byte, s string) []byte {
	if strings.HasPrefix(s, "data:") {
		return append(to, s...)
	}
	path, query, _ := split(s)
	path = NormalURL(path)
	last := strings.LastIndexByte(path, '/') + 1
	dir, file := path[:last], path[last:]
	for dir != "" {
		segment, rest, _ := strings.Cut(dir, "/")
		if dir = rest; !sizing(segment) {
			to = append(append(to, segment...), '/')
		}
	}
	dot := strings.LastIndexByte(file, '.')
	if dot < 0 || !mediaFile(file[dot+1:]) {
		to = append(to, file...)
		return appendQuery(to, query, true)
	}
	name := strings.TrimSuffix(file[:dot], "-scaled")
	if dash := strings.LastIndexByte(name, '-'); dash > 0 && dimensions(name[dash+1:]) {
		name = name[:dash]
	}
	return append(append(to, name...), file[dot:]...)
}

func mediaFile(extension string) bool {
	if len(extension) > 5 {
		return false
	}
	switch strings.ToLower(extension) {
	case "jpg", "jpeg", "png", "gif", "webp", "avif", "svg", "bmp", "heic",
		"mp3", "m4a", "aac", "ogg", "oga", "opus", "wav", "flac", "mp4", "m4v", "mov", "webm", "ogv", "pdf", "epub":
		return true
	}
	return false
}

// sizing reports whether a part of a picture's path is an order to the server: "600x400", "s1600" or
// "w_600,c_limit".
func sizing(segment string) bool {
	if len(segment) < 3 || len(segment) > 120 {
		return false
	}
	if dimensions(segment) {
		return true
	}
	if segment[0] == 's' && len(segment) <= 5 && digits(segment[1:]) {
		return true
	}
	for part := range strings.SplitSeq(segment, ",") {
		if part = strings.TrimPrefix(part, "$"); len(part) < 3 || part[1] != '_' && !strings.HasPrefix(part, "ar_") && !strings.HasPrefix(part, "fl_") {
			return false
		}
	}
	return strings.IndexByte(segment, ',') >= 0
}

// dimensions reports whether s reads "1024x768".
func dimensions(s string) bool {
	w, h, ok := strings.Cut(s, "x")
	return ok && len(s) <= 11 && digits(w) && digits(h)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
