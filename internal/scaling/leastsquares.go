package scaling

import "math"

// project returns the coefficients of the least squares fit of v by columns, and what the fit leaves of v. ok is false
// when the columns depend on each other. It is the modified Gram-Schmidt process.
func project(columns [][]float64, v []float64) (coefficients, rest []float64, ok bool) {
	n := len(columns)
	basis := make([][]float64, n)
	upper := make([][]float64, n) // upper[k][l] is the part of column l in direction k
	along := make([]float64, n)   // of v
	rest = append([]float64(nil), v...)
	for k, column := range columns {
		basis[k] = append([]float64(nil), column...)
		upper[k] = make([]float64, n)
		for l := range k {
			upper[l][k] = dot(basis[l], basis[k])
			add(basis[k], -upper[l][k], basis[l])
		}
		length := norm(basis[k])
		if !(length > 1e-10*norm(column)) {
			return nil, nil, false
		}
		upper[k][k] = length
		scale(basis[k], 1/length)
		along[k] = dot(basis[k], rest)
		add(rest, -along[k], basis[k])
	}
	coefficients = make([]float64, n)
	for k := n - 1; k >= 0; k-- {
		c := along[k]
		for l := k + 1; l < n; l++ {
			c -= upper[k][l] * coefficients[l]
		}
		coefficients[k] = c / upper[k][k]
	}
	return coefficients, rest, true
}

// model is a sum of columns with coefficients, and a part that is fixed.
type model struct {
	fixed   []float64 // nil is 0
	columns [][]float64
}

func (m model) at(coefficients []float64) []float64 {
	values := make([]float64, len(m.columns[0]))
	copy(values, m.fixed)
	for k, c := range coefficients {
		add(values, c, m.columns[k])
	}
	return values
}

// over returns the columns divided by values: the derivatives of the model's logarithm.
func over(columns [][]float64, values []float64) [][]float64 {
	ratios := make([][]float64, len(columns))
	for k, column := range columns {
		ratios[k] = make([]float64, len(column))
		for i, x := range column {
			ratios[k][i] = x / values[i]
		}
	}
	return ratios
}

// fit returns the coefficients with the least sum of squares of logs minus the logarithms of the model, and these
// differences. ok is false when no fit was found whose values are all above 0.
func (m model) fit(logs []float64) (coefficients, rest []float64, ok bool) {
	// The start has the least relative errors, which are almost those of logarithms.
	targets, relative := make([]float64, len(logs)), make([]float64, len(logs))
	for i, l := range logs {
		targets[i], relative[i] = math.Exp(l), 1
		if m.fixed != nil {
			relative[i] -= m.fixed[i] / targets[i]
		}
	}
	coefficients, _, ok = project(over(m.columns, targets), relative)
	if !ok {
		return nil, nil, false
	}
	rest, ok = m.rest(coefficients, logs)
	if !ok {
		return nil, nil, false
	}
	// Gauss-Newton; a step that makes the sum larger is halved.
	for range 50 {
		step, _, ok := project(over(m.columns, m.at(coefficients)), rest)
		if !ok {
			return nil, nil, false
		}
		before, moved := dot(rest, rest), false
		for range 30 {
			next := append([]float64(nil), coefficients...)
			add(next, 1, step)
			if r, ok := m.rest(next, logs); ok && dot(r, r) < before {
				coefficients, rest, moved = next, r, true
				break
			}
			for k := range step {
				step[k] /= 2
			}
		}
		if !moved || dot(rest, rest) > before*(1-1e-12) {
			break
		}
	}
	return coefficients, rest, true
}

// rest returns the logs minus the logarithms of the model. ok is false when a value of the model is not above 0.
func (m model) rest(coefficients, logs []float64) (rest []float64, ok bool) {
	rest = m.at(coefficients)
	for i, value := range rest {
		if !(value > 0) {
			return nil, false
		}
		rest[i] = logs[i] - math.Log(value)
	}
	return rest, true
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func norm(a []float64) float64 { return math.Sqrt(dot(a, a)) }

// add adds factor times b to a.
func add(a []float64, factor float64, b []float64) {
	for i := range a {
		a[i] += factor * b[i]
	}
}

// sum returns a plus factor times b. A nil a is 0.
func sum(a []float64, factor float64, b []float64) []float64 {
	s := make([]float64, len(b))
	copy(s, a)
	add(s, factor, b)
	return s
}

func scale(a []float64, factor float64) {
	for i := range a {
		a[i] *= factor
	}
}

func ones(n int) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = 1
	}
	return s
}
