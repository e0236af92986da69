package manifest

import "strings"

// suggestion names the known word that is nearest to a mistyped one.
func suggestion(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// hint lists what there is, where nothing is near and the list is short.
func hint(word string, known []string) string {
	if len(known) == 0 || len(known) > 12 || Nearest(word, known) != "" {
		return ""
	}
	return "; there are " + strings.Join(known, ", ")
}

// Nearest is the known word with the fewest edits to the given one, "" when all
// are too far: more than a third of its letters, or one in a short word.
func Nearest(word string, known []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the edits (insert, delete, replace, swap of neighbours) from a
// to b, in bytes; names are ASCII.
func distance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return 100
	}
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, row[j]+1, last[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
