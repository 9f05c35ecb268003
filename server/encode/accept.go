package encode

import (
	"slices"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/hpack"
	"github.com/e0ac7cd4/hotpath/internal/rfc9111"
)

// Accept is what a request accepts of our codings and of identity, as a rank of
// three bits for each: 0 is not accepted, and a higher one is preferred. Requests
// with the same Accept are answered alike.
//
// That identity is not named makes it acceptable, and the last choice: rank 1,
// which nothing that is named has (RFC 9110 §12.5.3).
type Accept uint32

const (
	rankBits = 3
	rankMask = 1<<rankBits - 1

	unnamed = 1 // the rank of identity if nothing names it

	// OnlyIdentity is what a request without Accept-Encoding accepts: it may be
	// sent any coding, but most such clients know none.
	OnlyIdentity Accept = unnamed << (rankBits * Accept(Identity))
)

// rank is the rank of a coding.
func (a Accept) rank(c Coding) Accept { return a >> (rankBits * Accept(c)) & rankMask }

// Takes reports whether a coding, or identity, is acceptable.
func (a Accept) Takes(c Coding) bool { return a.rank(c) != 0 }

// WithoutDeltas is a without the codings that need a dictionary.
func (a Accept) WithoutDeltas() Accept {
	return a &^ (1<<(rankBits*Accept(Identity)) - 1<<(rankBits*Accept(Plain)))
}

// Weights are in thousandths, as RFC 9110 §12.4.2 has them; notNamed is that there
// is none.
const notNamed = -1

// usualAccepts are the values of browsers, and of what has a list of its own; read
// once, since most requests have one of them.
var usualAccepts = func() (all []usualAccept) {
	for _, value := range []string{"gzip, deflate, br, zstd", "gzip, deflate, br", "gzip, deflate", "gzip", "br", "identity"} {
		all = append(all, usualAccept{value, parseAccept([]hpack.Field{{Name: acceptEncoding, Value: value}})})
	}
	return all
}()

type usualAccept struct {
	value  string
	accept Accept
}

const acceptEncoding = "accept-encoding"

// ParseAccept reads all Accept-Encoding lines of a request. It does not allocate.
// An element that is malformed is not accepted; of two with the same coding the
// last one counts. Cache-Control: no-transform asks for the content as it is, whatever
// else is acceptable (RFC 9111 §5.2.1.6).
func ParseAccept(fields []hpack.Field) Accept {
	first, lines := 0, 0
	for i := range fields {
		switch f := &fields[i]; f.Name {
		case acceptEncoding:
			if lines++; lines == 1 {
				first = i
			}
		case "cache-control":
			if noTransform(f.Value) {
				return OnlyIdentity
			}
		}
	}
	switch lines {
	case 0:
		return OnlyIdentity
	case 1:
		for i := range usualAccepts {
			if u := &usualAccepts[i]; u.value == fields[first].Value {
				return u.accept
			}
		}
	}
	return parseAccept(fields[first:])
}

// parseAccept reads the lines of fields that has some.
func parseAccept(fields []hpack.Field) Accept {
	weights := [Codings + 1]int{notNamed, notNamed, notNamed, notNamed, notNamed, notNamed}
	all := notNamed
	for i := range fields {
		if fields[i].Name != acceptEncoding {
			continue
		}
		for rest, more := fields[i].Value, true; more; {
			var element string
			element, rest, more = strings.Cut(rest, ",")
			coding, weight := parseElement(element)
			switch {
			case coding == "*":
				all = weight
			case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"): // RFC 9110 §8.4.1.3
				weights[Gzip] = weight
			case strings.EqualFold(coding, "br"):
				weights[Brotli] = weight
			case strings.EqualFold(coding, "zstd"):
				weights[Zstd] = weight
			case strings.EqualFold(coding, "dcz"):
				weights[Dcz] = weight
			case strings.EqualFold(coding, "dcb"):
				weights[Dcb] = weight
			case strings.EqualFold(coding, "identity"):
				weights[Identity] = weight
			}
		}
	}
	for c := range weights[:Plain] { // a dictionary is for those who name it
		if weights[c] == notNamed {
			weights[c] = all
		}
	}
	if weights[Identity] == notNamed && all == 0 {
		weights[Identity] = 0
	}
	return ranked(&weights)
}

// ranked is the order of weights.
func ranked(weights *[Codings + 1]int) Accept {
	var a Accept
	for c, weight := range weights {
		rank := Accept(0)
		switch {
		case weight > 0:
			rank = unnamed + 1
			for other, w := range weights {
				// Each lower weight counts once, however many have it.
				if w > 0 && w < weight && !slices.Contains(weights[:other], w) {
					rank++
				}
			}
		case weight == notNamed && Coding(c) == Identity:
			rank = unnamed
		}
		a |= rank << (rankBits * Accept(c))
	}
	return a
}

// parseElement reads a coding with its weight in thousandths, 0 if the weight is
// malformed.
func parseElement(s string) (coding string, weight int) {
	coding, parameter, weighted := strings.Cut(s, ";")
	coding = trim(coding)
	if !weighted {
		return coding, 1000
	}
	parameter = trim(parameter)
	if len(parameter) < 2 || parameter[0]|0x20 != 'q' || parameter[1] != '=' {
		return coding, 0
	}
	weight, _ = rfc9111.Weight(parameter[2:])
	return coding, weight
}

func trim(s string) string { return strings.Trim(s, " \t") }
