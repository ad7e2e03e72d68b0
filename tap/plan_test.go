package tap_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
)

// TestPlan compares what plan says with what the sync then takes: the requests within a
// fifth, and far fewer asked for the estimate itself.
func TestPlan(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(5, 400)
	o.AllVisible, o.BodyBytes = true, 200
	f := tapfixture.New(t, o)
	plan := f.Text("plan", "--config", f.Config())
	if plan.Status != 0 {
		t.Fatalf("status %d: %s", plan.Status, plan.Stderr)
	}
	asked := f.Site.Total()
	if again := f.Text("plan", "--config", f.Config()).OK(); string(again.Stdout) != string(plan.Stdout) {
		t.Errorf("another call says\n%s\nafter\n%s", again.Stdout, plan.Stdout)
	}
	text := string(plan.Stdout)
	m := regexp.MustCompile(`About ([0-9,]+) requests for ([0-9,]+) rows\.`).FindStringSubmatch(text)
	if m == nil || !strings.Contains(text, "attachments, in full") || !strings.Contains(text, "attachment_*") {
		t.Fatalf("the plan is:\n%s", text)
	}
	said, err := strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	f.Site.Reset()
	f.Text("--config", f.Config()).OK()
	took := f.Site.Total()
	t.Logf("said %d requests, took %d; asked %d", said, took, asked)
	if said < took*8/10 || said > took*12/10 {
		t.Errorf("the plan said %d requests, the sync took %d", said, took)
	}
	if asked > took/10 {
		t.Errorf("the estimate took %d requests of the sync's %d", asked, took)
	}
}

// TestPlanRefuses shows each mistake of the settings on a line of its own.
func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, simconfluence.Scaled(5, 10))
	plan := f.Text("plan", "--config", f.With(map[string]any{"page_size": 900, "body_format": "view"}).Config())
	for _, want := range []string{"(?m)^ERROR .* body_format: ", "(?m)^CRITICAL .* page_size: "} {
		if !regexp.MustCompile(want).MatchString(plan.Stderr) {
			t.Errorf("%q is not in:\n%s", want, plan.Stderr)
		}
	}
	if plan.Status != 2 || len(plan.Stdout) > 0 || f.Site.Total() > 0 {
		t.Errorf("status %d, stdout %q, %d requests", plan.Status, plan.Stdout, f.Site.Total())
	}
}

// TestPlanAirbyte takes a catalog of Airbyte, and refuses one with the words of that protocol's parser.
func TestPlanAirbyte(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, simconfluence.Scaled(5, 10))
	for _, test := range []struct {
		catalog any
		status  int
		says    string
	}{
		{tapfixture.Configured("full_refresh", "groups"), 0, ""},
		{tapfixture.Configured("full_refresh", "groups", "grops"), 2, `unknown stream "grops", do you mean "groups"?`},
		{tapfixture.Configured("full_refresh", "users"), 2, "extra_streams does not name users"},
		{tapfixture.Configured("sometimes", "groups"), 2, `sync_mode "sometimes"`},
	} {
		r := f.Text("plan", "--config", f.Config(), "--catalog", f.File(test.catalog)).Wants(test.status)
		if !strings.Contains(r.Stderr, test.says) || strings.Contains(r.Stderr, "one of Airbyte") {
			t.Errorf("%v: said %s", test.catalog, r.Stderr)
		}
	}
}

// TestPlanOfFewSpaces counts what a list shows of other spaces, and the requests for where it lies.
func TestPlanOfFewSpaces(t *testing.T) {
	t.Parallel()
	o := simconfluence.Scaled(5, 1000)
	o.AllVisible, o.Spaces = true, 40
	f := tapfixture.New(t, o)
	f = f.With(map[string]any{"space_keys": f.Site.SpaceKeys()[:1], "audit_samples": 0})
	args := f.SingerArgs(tapfixture.Select("attachments"), nil)
	text := string(f.Text(append([]string{"plan"}, args...)...).OK().Stdout)
	m := regexp.MustCompile(`About ([0-9,]+) requests`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("the plan is:\n%s", text)
	}
	said, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	f.Site.Reset()
	f.Text(args...).OK()
	if took := f.Site.Total(); said < took/3 || said > took*3 {
		t.Errorf("the plan said %d requests, the sync took %d", said, took)
	}
}
