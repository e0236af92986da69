package transfer

import "time"

// meter turns a byte counter that is read now and then into a smoothed rate.
type meter struct {
	at    time.Duration
	bytes int64
	rate  int64 // bit/s, smoothed over about a second
	valid bool
}

// add reads the counter at now and returns the rate.
func (m *meter) add(now time.Duration, bytes int64) int64 {
	if !m.valid || bytes < m.bytes {
		m.at, m.bytes, m.valid = now, bytes, true
		return m.rate
	}
	d := now - m.at
	if d < 50*time.Millisecond {
		return m.rate
	}
	sample := float64(bytes-m.bytes) * 8 / d.Seconds()
	w := min(d.Seconds(), 1)
	m.rate += int64(w * (sample - float64(m.rate)))
	m.at, m.bytes = now, bytes
	return m.rate
}
