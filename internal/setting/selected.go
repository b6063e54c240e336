package setting

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Selected is an element of a list of names: a name, or a name with parameters.
type Selected struct {
	Name   string
	Params map[string]string
}

func (s Selected) String() string {
	if len(s.Params) == 0 {
		return s.Name
	}
	return s.Name + ":" + strings.Join(Pairs(s.Params), ",")
}

// Pairs returns PARAM=VALUE for each parameter.
func Pairs(params map[string]string) (list []string) {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		list = append(list, name+"="+params[name])
	}
	return list
}

// Selections reads "a,b:k=v,l=w,c". The comma parts both names and parameters: an element that holds an equals
// sign and no colon is one more parameter of the name before it.
func Selections(text string) ([]Selected, error) {
	var list []Selected
	for element := range strings.SplitSeq(text, ",") {
		element = strings.TrimSpace(element)
		name, param, colon := strings.Cut(element, ":")
		if !colon && strings.Contains(element, "=") && len(list) > 0 {
			param = element
		} else {
			list = append(list, Selected{name, map[string]string{}})
		}
		last := &list[len(list)-1]
		key, val, ok := strings.Cut(param, "=")
		switch {
		case last.Name == "" || strings.Contains(last.Name, "="), (colon || param != "") && (!ok || key == ""):
			return nil, fmt.Errorf("%q: want NAME or NAME:PARAM=VALUE,PARAM=VALUE", element)
		case ok && last.Name == "all":
			return nil, fmt.Errorf("%q: all takes no settings: want --param %s", element, param)
		case ok:
			if _, twice := last.Params[key]; twice {
				return nil, fmt.Errorf("%q: %s is set twice for %s", text, key, last.Name)
			}
			last.Params[key] = val
		}
	}
	return list, nil
}
