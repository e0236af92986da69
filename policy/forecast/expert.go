package forecast

import "time"

// Experts, in the order in which ties are decided.
const (
	yesterday = iota // the same time of the day before
	lastWeek         // the same time of the week, mean over weeks
	sameKind         // the mean of the last days of the same kind
	experts
)

// forget is the weight that errors keep from one bucket to the next: half of it
// is gone after a week.
var forget = 0.99965617 // 0.5^(1/2016)

// expert is how well one way to predict has done.
type expert struct{ squares, weight float64 }

// predictions of bucket i by each expert; ok says which have one. They look only
// at buckets before i.
func (p *Profile) predictions(i int64) (x [experts]float64, ok [experts]bool) {
	if v, k := p.at(i - int64(perDay)); k {
		x[yesterday], ok[yesterday] = v, true
	}
	if s := slot(i); p.known[s] != 0 && p.known[s] < i && i-p.known[s] <= int64(4*perWeek) {
		x[lastWeek], ok[lastWeek] = float64(p.mean[s]), true
	}
	sum, n := 0.0, 0
	for day := 1; day <= 7; day++ {
		j := i - int64(day*perDay)
		if weekend(j) != weekend(i) {
			continue
		}
		if v, k := p.at(j); k {
			sum, n = sum+v, n+1
		}
	}
	if n > 0 {
		x[sameKind], ok[sameKind] = sum/float64(n), true
	}
	return x, ok
}

// at is the demand of bucket i, where that is the newest of its slot.
func (p *Profile) at(i int64) (float64, bool) {
	s := slot(i)
	return float64(p.last[s]), p.known[s] == i && i != 0
}

func weekend(i int64) bool {
	d := start(i).Weekday()
	return d == time.Saturday || d == time.Sunday
}

// predict asks the expert that has been nearest so far. One that has not been
// scored yet is as good as the worst: it has to wait for the others' first score.
func (p *Profile) predict(i int64) (float64, bool) {
	x, ok := p.predictions(i)
	best, least := -1, 0.0
	for k := range experts {
		if !ok[k] {
			continue
		}
		mean := 1e18
		if e := p.experts[k]; e.weight > 0 {
			mean = e.squares / e.weight
		}
		if best < 0 || mean < least {
			best, least = k, mean
		}
	}
	if best < 0 {
		return 0, false
	}
	return x[best], true
}
