package policy

import "strings"

// unmoved collects the crowded nodes whose sessions are not asked to move.
type unmoved struct {
	d     *decision
	codes []Code
	by    map[Code][]source
}

func (u *unmoved) add(why Code, s source) {
	if u.by == nil {
		u.by = map[Code][]source{}
	}
	if u.by[why] == nil {
		u.codes = append(u.codes, why)
	}
	u.by[why] = append(u.by[why], s)
}

// explain gives one reason for each cause, which names the most crowded node.
func (u *unmoved) explain() {
	if u.d.terse {
		return
	}
	for _, code := range u.codes {
		list := u.by[code]
		first := list[0]
		who := first.v.name() + " is"
		if more := len(list) - 1; more > 0 {
			who = textf("%s and %s are", first.v.name(), count(more, "more node"))
		}
		u.d.held = append(u.d.held, Reason{
			Code:   code,
			Text:   textf("not moved: %s crowded (%s), %s", who, u.d.crowdText(first), u.cause(code, first)),
			Values: values{"nodes": float64(len(list)), "worth": round(first.worth)},
		})
	}
}

// cause ends the sentence.
func (u *unmoved) cause(code Code, first source) string {
	switch code {
	case CodeMoveNoRoom:
		return "but no available node has room"
	case CodeMoveNoGain:
		return textf("but no move relieves it by %.2f", moveGain)
	case CodeMovePinned:
		return "but no session can move that would help"
	case CodeMoveYoung:
		return textf("but who can move came within %s or ends within %s", duration(u.d.p.moveStay()), duration(moveWorth))
	case CodeMoveWaits:
		return "but was asked lately: next at " + clock(first.v.last.MovedAt.Add(u.d.p.moveAgain()))
	}
	return textf("but one plan moves at most %d", movesAtOnce)
}

// crowdText says why a node counts as crowded.
func (d *decision) crowdText(s source) string {
	if s.held > 0 {
		return textf("its cap holds %s below %s", count(s.held, "session"), mbps(d.p.SessionRateMbps))
	}
	return textf("%s %.2f, max threshold %.2f", s.signal.text(), s.worth, d.p.MaxThreshold)
}

// moveReason says who is asked to go where; after is what stays.
func (d *decision) moveReason(s source, n int, to []string, after float64) Reason {
	where := strings.Join(to[:min(len(to), shownActions)], ", ")
	if more := len(to) - shownActions; more > 0 {
		where += textf(" and %d more", more)
	}
	return Reason{
		Code: CodeMove,
		Text: textf("%d of %s of %s %s asked to move: %s; room on %s; then %.2f", n, count(s.v.load.Sessions, "session"), s.v.name(),
			plural(n, "is", "are"), d.crowdText(s), where, after),
		Values: values{"moved": float64(n), "sessions": float64(s.v.load.Sessions), "before": round(s.worth), "after": after, "targets": float64(len(to))},
	}
}
