package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Pair are the files of a certificate, both PEM: its chain and its key. They may
// be the same file.
type Pair struct{ Cert, Key string }

// ListPairs finds the pairs of a directory: NAME.crt beside NAME.key, and
// NAME.pem with both in it, in the order of their names. If one of two files is
// missing, the pair is listed all the same: to load it says what is wrong. Names
// that begin with a dot, other files and subdirectories are left out.
func ListPairs(dir string) ([]Pair, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []Pair
	for _, e := range entries {
		if name := e.Name(); name[0] != '.' && !e.IsDir() {
			path := filepath.Join(dir, name)
			switch stem, ext := strings.TrimSuffix(path, filepath.Ext(name)), filepath.Ext(name); ext {
			case ".crt", ".key":
				all = append(all, Pair{Cert: stem + ".crt", Key: stem + ".key"})
			case ".pem":
				all = append(all, Pair{Cert: path, Key: path})
			}
		}
	}
	// A pair was found once for each of its files.
	slices.SortStableFunc(all, func(a, b Pair) int { return strings.Compare(a.Cert, b.Cert) })
	return slices.Compact(all), nil
}

// checkCertDir reports what keeps the certificates of a directory from being
// used. Single pairs are left out: the server starts without them. alone is
// whether there is no other certificate.
func checkCertDir(dir string, alone bool) error {
	if err := checkRoot(dir); err != nil {
		return err
	}
	pairs, err := ListPairs(dir)
	if err != nil || !alone {
		return err
	}
	for _, p := range pairs {
		if _, err := LoadPair(p.Cert, p.Key); err == nil {
			return nil
		}
	}
	return errNoPair
}
