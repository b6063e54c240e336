package result

import "encoding/json"

// fromVersion3 sets the fields of trials that were in no groups up to schema version 3. data is the same document.
func (d *Document) fromVersion3(data []byte) error {
	var old struct {
		Results []struct {
			Trials []struct {
				Usage
				Locks
			}
		}
	}
	if err := json.Unmarshal(data, &old); err != nil {
		return err
	}
	for i, from := range old.Results {
		for k, from := range from.Trials {
			d.Results[i].Trials[k].Usage, d.Results[i].Trials[k].Locks = from.Usage, from.Locks
		}
	}
	return nil
}
