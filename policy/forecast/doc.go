// Package forecast learns a cluster's week and predicts its next minutes.
//
// A [Profile] keeps the largest demand of every five minutes of the week, 2,016
// of them. A prediction is what was there at the same time yesterday, in the same
// hour of the week before, or on the mean of the days of the same kind (workdays,
// weekend): the one of the three that has been nearest so far. Every prediction is
// scored when its five minutes are over, against the truth and against the
// simplest of all forecasts, that demand stays as it is ([Score]).
//
// How far a forecast is acted upon follows from its score. Each time that demand
// moved further than persistence expected, a seasonal forecast could have known
// better: that is its credit. Its own errors use the credit up. So a nightly batch
// is believed from the second night, and a crowd that came once and did not come
// again at the same hour is not believed a third time.
//
// Time is UTC: a bucket is a time of the UTC week. A zone whose clocks change
// twice a year then sees its pattern shifted by an hour for some days after the
// change, until the days that the experts remember are all from after it; in
// exchange no hour is ever missing or twice there, and the profile has no setting.
//
// Nothing here does I/O, has a clock or randomness. A Profile is not safe for
// concurrent use. Gaps in what it is shown are harmless: of five minutes that it
// did not see it learns nothing and scores nothing.
package forecast
