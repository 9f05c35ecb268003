package config

import "crypto/sha256"

// siteSum is of what each setting of a site is: two sites with the same one are the
// same. It is compared in place of a hundred values of each of a thousand sites.
type siteSum [sha256.Size]byte

// summed is the sum of the settings that s has now. A value has no NUL: the file may
// not (YAML 1.2 §5.1), and arguments and variables end at one.
func (s *Site) summed() siteSum {
	of := *s // the table binds to fields
	var all []byte
	for _, k := range siteSettings(&of) {
		all = append(all, k.name...)
		all = append(all, 0)
		all = append(all, k.value.String()...)
		all = append(all, 0)
	}
	return sha256.Sum256(all)
}

// equal reports whether s and o are the same as far as their sums tell; a site that
// [Load] has not made has none.
func (s *Site) equal(o *Site) bool { return s.sum != siteSum{} && s.sum == o.sum }
