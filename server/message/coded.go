package message

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
)

// Coded is the representation of r, a stored 200, whose content is body in a
// content coding, with another entity tag (RFC 9110 §8.8.3.3). Its memory counts
// by itself. It has the rules of the site that r has.
func (r *Response) Coded(coding string, body []byte) *Response {
	sum := sha256.Sum256(body)
	return r.coded(coding, base64.RawURLEncoding.EncodeToString(sum[:codedHash]), body)
}

// CodedAs is Coded for a response with the same content as one of which was is the
// representation: nothing is computed of the content.
func (r *Response) CodedAs(coding string, was *Response) *Response {
	end := len(was.ETag) - len(`"`)
	return r.coded(coding, was.ETag[end-base64.RawURLEncoding.EncodedLen(codedHash):end], was.Body)
}

func (r *Response) coded(coding, hash string, body []byte) *Response {
	tag := codedTag(r.ETag, coding, hash)
	fields := make([]hpack.Field, 0, len(r.Fields)+1)
	for _, f := range r.Fields {
		switch f.Name {
		case "etag", "content-length":
		default:
			fields = append(fields, f)
		}
	}
	fields = append(fields, hpack.Field{Name: "content-encoding", Value: coding}, hpack.Field{Name: "etag", Value: tag})
	c := Stored(r.Status, fields, body, r.Born)
	c.LastModified = r.LastModified // the site's rules may have taken it from the fields
	c.StrongDate = false            // the date is that of the content as it is: the tag alone shows this one
	c.Ruled = &Ruled{Fields: fields}
	if r.Ruled != nil {
		c.Ruled.Failed = r.Ruled.Failed
	}
	if c.NotModified != nil {
		c.NotModified.Ruled = c.Ruled
	}
	return c
}

// codedTag is the entity tag of a content in a coding: that of the content as it
// is, with the coding, and 72 bits of a hash of the coded bytes, since another
// version of a coder makes others of the same content. It is weak if the content's
// is. A content without a tag gets one in a coding, so that no client has to go by
// a date that the representations share.
func codedTag(tag, coding, hash string) string {
	weak := ""
	if strings.HasPrefix(tag, "W/") {
		weak, tag = "W/", tag[2:]
	}
	opaque := ""
	if len(tag) > 2 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		opaque = tag[1:len(tag)-1] + "-"
	}
	return weak + `"` + opaque + coding + "-" + hash + `"`
}

const codedHash = 9 // bytes, 12 characters

// varyAcceptEncoding is what a representation has that another coding of the
// content may stand in for (RFC 9110 §12.5.5).
var varyAcceptEncoding = hpack.Field{Name: "vary", Value: "Accept-Encoding"}

// Codable is r, which may also be sent in a content coding, and says so: with Vary,
// and its 304 too. It is r itself if it says so already. It is for a response that
// nothing holds yet; what is decided about it goes by the fields without it (see
// [Response.AsSent]).
func (r *Response) Codable() *Response {
	if r.MayBeCoded {
		return r
	}
	w := r.with(varyAcceptEncoding)
	w.MayBeCoded = true
	if r.NotModified != nil {
		w.NotModified = r.NotModified.with(varyAcceptEncoding)
	}
	return w
}

// varyDictionary is what a representation has that one coded with a dictionary may
// stand in for (RFC 9842 §6.2).
var varyDictionary = hpack.Field{Name: "vary", Value: "Available-Dictionary"}

// AsDictionary is r, which is codable, and which clients may keep as a dictionary
// for requests whose path is match: a plain one, without characters that mean
// something in a URL pattern, quotes or backslashes (RFC 9842 §2.1). It is r itself
// if it says so already.
func (r *Response) AsDictionary(match string) *Response {
	if r.Dictionary {
		return r
	}
	w := r.with(varyDictionary, hpack.Field{Name: "use-as-dictionary", Value: `match="` + match + `"`})
	w.MayBeCoded, w.Dictionary = r.MayBeCoded, true
	if r.NotModified != nil {
		w.NotModified = r.NotModified.with(varyDictionary)
	}
	return w
}

// with is r with further fields; a Vary is not added if r has its value.
func (r *Response) with(more ...hpack.Field) *Response {
	fields := slices.Clip(r.Fields)
	for _, f := range more {
		if f.Name != "vary" || !varies(r.Fields, f.Value) {
			fields = append(fields, f)
		}
	}
	w := encode(r.Status, fields, r.Body)
	w.Ruled = r.Ruled
	if w.Ruled == nil {
		w.Ruled = &Ruled{Fields: r.Fields}
	}
	w.Born, w.Ageless, w.More, w.Whole = r.Born, r.Ageless, r.More, r.Whole
	w.ETag, w.LastModified, w.StrongDate = r.ETag, r.LastModified, r.StrongDate
	w.NotModified = r.NotModified
	return w
}

// varies reports whether a Vary in the fields names a field, or everything.
func varies(fields []hpack.Field, by string) bool {
	for i := range fields {
		if fields[i].Name != "vary" {
			continue
		}
		for name := range strings.SplitSeq(fields[i].Value, ",") {
			if name = strings.Trim(name, " \t"); name == "*" || strings.EqualFold(name, by) {
				return true
			}
		}
	}
	return false
}
