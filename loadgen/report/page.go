package report

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"io"
	"strings"
	"sync"

	"github.com/e0ac7cd4/hotpath/internal/chartpage"
	"github.com/e0ac7cd4/hotpath/loadgen/report/human"
	"github.com/e0ac7cd4/hotpath/loadgen/slo"
)

// page is what report.html.tmpl shows, from top to bottom.
type page struct {
	Title    string
	Heading  string
	Target   string
	Setup    string
	Verdict  string // over all objectives; "": there are none
	State    string // of it
	Verdicts []verdictLine
	Figures  []figure
	Notes    []string
	Charts   []chart
	Tables   []table
	Facts    []fact
}

// verdictLine is an objective and what became of it.
type verdictLine struct {
	State     string
	Objective string
	Got       string
}

// figure is a number that is seen first.
type figure struct {
	Name, Number, Unit, Note string
	State                    string
}

// newFigure takes a text such as "2.41ms" apart.
func newFigure(name, text, note string) figure {
	const digits = "0123456789"
	unit := strings.TrimLeft(text, digits+".,")
	if unit == text || strings.ContainsAny(unit, digits) { // "–", "1m30s"
		unit = ""
	}
	return figure{Name: name, Number: strings.TrimSuffix(text, unit), Unit: unit, Note: note}
}

// table is a table whose first column names the rows.
type table struct {
	ID      string
	Title   string
	Note    string
	Wide    bool // takes the whole width
	Folded  bool // opened by a click
	Columns []string
	Rows    [][]string
}

type fact struct{ Name, Value string }

// judged puts the verdicts on the page.
func (p *page) judged(verdicts []slo.Verdict) {
	missedOnes := 0
	for _, v := range verdicts {
		line := verdictLine{met, sign(v.Objective), v.Got}
		if !v.Met {
			line.State = missed
			missedOnes++
		}
		p.Verdicts = append(p.Verdicts, line)
	}
	switch {
	case len(verdicts) == 0:
	case missedOnes == 0 && len(verdicts) == 1:
		p.Verdict, p.State = "The objective is met", met
	case missedOnes == 0:
		p.Verdict, p.State = "All "+human.Count(uint64(len(verdicts)))+" objectives are met", met
	case len(verdicts) == 1:
		p.Verdict, p.State = "The objective is missed", missed
	default:
		p.Verdict = human.Count(uint64(missedOnes)) + " of " + human.Count(uint64(len(verdicts))) + " objectives missed"
		p.State = missed
	}
}

var (
	//go:embed report.html.tmpl
	pageText string
	//go:embed report.css
	pageStyle string
	//go:embed report.js
	pageScript string
)

// skeleton is what all pages share: the template, and what stands in it for
// styles and scripts.
type skeleton struct {
	chartpage.Assets
	template *template.Template
}

var loadSkeleton = sync.OnceValues(func() (*skeleton, error) {
	parsed, err := template.New("page").Parse(pageText)
	return &skeleton{chartpage.New(pageStyle, pageScript), parsed}, err
})

// write writes the page.
func (p *page) write(w io.Writer) error {
	s, err := loadSkeleton()
	if err != nil {
		return err
	}
	data, err := json.Marshal(p.Charts) // with <, > and & escaped: nothing in it ends the element
	if err != nil {
		return err
	}
	return s.template.Execute(w, struct {
		*skeleton
		*page
		Data template.JS
	}{s, p, template.JS(data)})
}
