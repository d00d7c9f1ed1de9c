package worker

import (
	"errors"
	"strings"

	"github.com/vaktreffen/vaktreffen/db"
)

// maxTask is where the description of an action, a question or a note is cut in a mail; the page has the whole.
const maxTask = 600

// followUps adds what somebody has agreed to do, or the help that somebody offers, to the table of a letter.
func (p *pen) followUps(f Facts, letter *Letter) {
	add := func(label, value string) {
		if value != "" {
			letter.Facts = append(letter.Facts, Fact{p.words.labels[label], value})
		}
	}
	for _, task := range f.Tasks {
		lines := []string{oneLine(task.Description, maxTask), oneLine(task.Meeting, maxSubject)}
		if task.DueOn != nil {
			label := "due_by"
			if task.Late {
				label = "was_due"
			}
			lines = append(lines, p.words.labels[label]+" "+p.tongue.weekDay(task.DueOn.Time()))
		}
		add("task", strings.Join(lines, "\n"))
	}
	if h := f.Help; h != nil {
		add("question", oneLine(h.Question, maxTask))
		add("asked_by", oneLine(h.AskedBy, maxSubject))
		helper := oneLine(h.Helper, maxSubject)
		if person := oneLine(h.Person, maxName); person != "" {
			helper += "\n" + person
		}
		add("help_from", helper)
		add("help_note", oneLine(h.Note, maxTask))
	}
}

func titlesOf(tasks []db.Task) []string {
	all := make([]string, len(tasks))
	for i, task := range tasks {
		all[i] = oneLine(task.Description, maxSubject)
	}
	return all
}

// Tasks are what the reader has agreed to do, each in a few words.
func (s *said) Tasks() ([]string, error) {
	if len(s.tasks) == 0 {
		return nil, errors.New("the actions are missing")
	}
	return s.tasks, nil
}

// Helper is the organisation that offers help.
func (s *said) Helper() (string, error) {
	if s.help == nil {
		return "", errors.New("the offer of help is missing")
	}
	return needed("the organisation that offers help", oneLine(s.help.Helper, maxName))
}

// Asked reports whether the reader asked the question.
func (s *said) Asked() bool { return s.help != nil && s.help.Asked }
