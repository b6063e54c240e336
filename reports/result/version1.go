package result

import "encoding/json"

// version1 are the fields that had other names in schema version 1.
type version1 struct {
	Part         *struct{ Of int }
	Participants []struct {
		Of   int
		Lost bool
		Why  string
	}
	Results []struct {
		Remark string
		Trials []struct {
			Updates, Busiest float64
			Waiting          *struct{ Alarms int64 }
			Fairness         struct{ Least, Most int64 }
			Audit            struct{ More int }
		}
	}
}

// fromVersion1 sets the fields of a document of schema version 1 that have other names since. data is the same document.
func (d *Document) fromVersion1(data []byte) error {
	var old version1
	if err := json.Unmarshal(data, &old); err != nil {
		return err
	}
	if old.Part != nil {
		d.Part.Count = old.Part.Of
	}
	for i, from := range old.Participants {
		p := &d.Participants[i]
		p.Count, p.Missing, p.Reason = from.Of, from.Lost, from.Why
	}
	for i, from := range old.Results {
		r := &d.Results[i]
		r.Note = from.Remark
		for k, from := range from.Trials {
			t := &r.Trials[k]
			t.Locks.UpdateFraction, t.Locks.BusiestFraction = from.Updates, from.Busiest
			t.Fairness.MinOps, t.Fairness.MaxOps, t.Audit.Omitted = from.Fairness.Least, from.Fairness.Most, from.Audit.More
			if from.Waiting != nil {
				t.Waiting.Wakeups = from.Waiting.Alarms
			}
		}
	}
	return nil
}
