package encode

// Coding is a content coding.
type Coding uint8

// The codings. Identity is none, and always the last.
const (
	Brotli Coding = iota // RFC 7932
	Zstd                 // RFC 8878
	Gzip                 // RFC 1952
	Dcz                  // Zstandard with what the content was before as a dictionary (RFC 9842 §5)
	Dcb                  // Brotli with it (RFC 9842 §4)
	Identity

	Codings = int(Identity) // how many are made
	Plain   = int(Dcz)      // of them, those that need nothing but the content; they come first
)

// tokens are the names in Content-Encoding and Accept-Encoding.
var tokens = [Codings]string{Brotli: "br", Zstd: "zstd", Gzip: "gzip", Dcz: "dcz", Dcb: "dcb"}

// suffixes end the names of files that hold another in a coding.
var suffixes = [Plain]string{Brotli: ".br", Zstd: ".zst", Gzip: ".gz"}

// String is the coding's token, "identity" for none.
func (c Coding) String() string {
	if c < Identity {
		return tokens[c]
	}
	return "identity"
}

// Suffix ends the name of a file that holds another in the coding, a plain one.
func (c Coding) Suffix() string { return suffixes[c] }

// Delta reports whether the coding needs what the content was before.
func (c Coding) Delta() bool { return c >= Dcz && c < Identity }

// Parse returns the coding with a token; ok is false if it is none of ours.
func Parse(token string) (c Coding, ok bool) {
	for c, t := range tokens {
		if t == token {
			return Coding(c), true
		}
	}
	return Identity, false
}

// Mask is a set of codings.
type Mask uint8

// Has reports whether c is in the set.
func (m Mask) Has(c Coding) bool { return m&(1<<c) != 0 }

// With is the set with c.
func (m Mask) With(c Coding) Mask { return m | 1<<c }
