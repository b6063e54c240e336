package reports

import (
	"io"
	"strings"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/internal/sheet"
)

// SVG is the name of the format of figures. Markdown that is written beside its directory shows them.
const SVG = "svg"

// svgFormat returns the format of the figures that the pages in HTML have.
func svgFormat[T any](build builder[T], extension string) FormatOf[T] {
	figures := func(it T) []*figure.Figure { return build(it, Options{Medium: sheet.Web}).Figures() }
	return FormatOf[T]{
		Name: SVG, Extension: extension,
		Doc: "a directory with a file for each figure, which Markdown of the same command shows; on stdout the first one",
		Write: func(w io.Writer, it T, _ Options) error {
			text := outfile.MarkXML + `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><title>no figures</title></svg>` + "\n"
			if list := figures(it); len(list) > 0 {
				var err error
				if text, err = svgFile(list[0]); err != nil {
					return err
				}
			}
			_, err := io.WriteString(w, text)
			return err
		},
		Files: func(it T) (files []outfile.File, err error) {
			for _, f := range figures(it) {
				text, err := svgFile(f)
				if err != nil {
					return nil, err
				}
				files = append(files, outfile.File{Name: f.ID + ".svg", Write: func(w io.Writer) error {
					_, err := io.WriteString(w, text)
					return err
				}})
			}
			return files, nil
		},
	}
}

// svgFile returns a figure as a file that sessbench recognizes.
func svgFile(f *figure.Figure) (string, error) {
	text, err := f.File()
	if err != nil {
		return "", err
	}
	_, svg, _ := strings.Cut(text, "\n") // the declaration is part of the mark
	return outfile.MarkXML + svg, nil
}
