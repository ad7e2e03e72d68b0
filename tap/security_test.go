package tap_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/tap-confluence/tap-confluence/internal/simconfluence"
	"github.com/tap-confluence/tap-confluence/internal/tapfixture"
	"github.com/tap-confluence/tap-confluence/tap"
	"github.com/tap-confluence/tap-confluence/tap/client"
	"github.com/tap-confluence/tap-confluence/tap/config"
	"github.com/tap-confluence/tap-confluence/tap/engine"
)

// oddToken has all that makes its encodings differ from each other.
const oddToken = `ATATTfix+7Qx2/Zk9\LmN4&B8"C==`

// hides fails the test where a text shows a secret, and says what the text is of.
func hides(t *testing.T, what, text string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		for _, s := range tapfixture.Spellings(tapfixture.Email, secret) {
			if strings.Contains(text, s) {
				t.Errorf("%s shows a secret as %q: %.400s", what, s, text)
			}
		}
	}
}

// TestValuesHideSecrets prints everything that holds or has met a credential with every verb,
// and encodes it: settings, clients, errors.
func TestValuesHideSecrets(t *testing.T) {
	t.Parallel()
	f := tapfixture.New(t, locked()).With(map[string]any{"api_token": oddToken, "max_retries": 0})
	cfg, _, err := config.Load(config.Input{Files: []string{f.Config()}})
	if err != nil {
		t.Fatal(err)
	}
	oauth := *cfg
	oauth.AccessToken = config.NewSecret(bearer)
	values := map[string]any{"settings": cfg, "settings of OAuth": oauth}
	for name, c := range map[string]*config.Config{"basic": cfg, "bearer": &oauth} {
		reader, err := client.New(c, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		_, refused := reader.Probe(t.Context())
		if refused == nil {
			t.Fatal("the site takes a wrong token")
		}
		values[name+" client"], values[name+" client's fields"] = reader, struct{ Client *client.Client }{reader}
		values[name+" error"], values[name+" wrapped"] = refused, fmt.Errorf("syncing: %w", refused)
		values[name+" run"] = engine.Options{Config: c, Client: reader}
	}
	for _, settings := range []map[string]any{{"api_token": []string{oddToken}}, {"access_token": oddToken + "\n"}, {"domain": "https://u:" + oddToken + "@acme.example"}} {
		bad := f.With(settings)
		broken, _, err := config.Load(config.Input{Files: []string{bad.Config()}})
		if err == nil {
			_, err = client.New(broken, client.Options{})
		}
		values[fmt.Sprint("mistake in ", settings)[:20]] = err
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			hides(t, name+" as "+verb, fmt.Sprintf(verb, v), oddToken, bearer)
		}
		if text, err := json.Marshal(v); err == nil {
			hides(t, name+" as JSON", string(text), oddToken, bearer)
		}
	}
}

// TestPanicHidesSecrets panics in a process of its own with all that holds a credential, and
// with a traceback of every goroutine.
func TestPanicHidesSecrets(t *testing.T) {
	const what = "PANIC_WITH"
	f := tapfixture.New(t, locked()).With(map[string]any{"api_token": oddToken, "max_retries": 0})
	if with := os.Getenv(what); with != "" {
		cfg, _, err := config.Load(config.Input{Files: []string{os.Getenv("PANIC_CONFIG")}})
		if err != nil {
			t.Fatal(err)
		}
		reader, err := client.New(cfg, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		switch with {
		case "settings":
			panic(*cfg)
		case "secret":
			panic(cfg.APIToken)
		case "client":
			panic(reader)
		case "error":
			_, err := reader.Probe(t.Context())
			panic(err)
		}
	}
	t.Parallel()
	for _, with := range []string{"settings", "secret", "client", "error"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPanicHidesSecrets$")
		cmd.Env = append(os.Environ(), what+"="+with, "PANIC_CONFIG="+f.Config(), "GOTRACEBACK=system")
		out, err := cmd.CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("panic: ")) || !bytes.Contains(out, []byte("goroutine ")) {
			t.Errorf("with %s: %v\n%s", with, err, out)
		}
		hides(t, "a panic with "+with, string(out), oddToken)
	}
}

// listener is another host, to which nothing may come.
type listener struct {
	mu       sync.Mutex
	requests []string
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, fmt.Sprintf("%s %s %v", r.Method, r.URL, r.Header))
	_, _ = w.Write([]byte(`{"results":[]}`))
}

// TestCredentialsStayHome lets the site point to another host in every way that it has.
// Nothing is sent there.
func TestCredentialsStayHome(t *testing.T) {
	t.Parallel()
	other := &listener{}
	server := httptest.NewServer(other)
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	link := func(before string) simconfluence.Fault {
		return simconfluence.Next(func(_ *http.Request, link string) string {
			_, query, _ := strings.Cut(link, "?")
			return before + "?" + query
		})
	}
	redirect := func(to string) simconfluence.Fault {
		return simconfluence.When(func(n int) bool { return n > 3 }, simconfluence.Status(http.StatusTemporaryRedirect, "", "Location: "+to))
	}
	for name, test := range map[string]struct {
		fault simconfluence.Fault
		fails bool
	}{
		"next":                       {link(server.URL + "/wiki/api/v2/pages"), false},
		"next without scheme":        {link("//" + host + "/wiki/api/v2/pages"), false},
		"next with credentials":      {link("http://a:b@" + host + "/wiki/api/v2/pages"), false},
		"next with a backslash":      {link(`\\` + host + "/pages"), false},
		"redirect":                   {redirect(server.URL + "/wiki/api/v2/pages"), true},
		"redirect without scheme":    {redirect("//" + host + "/x"), true},
		"redirect with credentials":  {redirect("http://a:b@" + host + "/x"), true},
		"redirect to another name":   {redirect(strings.Replace(server.URL, "127.0.0.1", "localhost", 1)), true},
		"redirect to a file":         {redirect("file:///etc/passwd"), true},
		"redirect with a line break": {redirect("/x\\r\\nHost: " + host), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := small()
			o.Auth = simconfluence.Auth{Email: tapfixture.Email, Token: tapfixture.Token}
			f := tapfixture.New(t, o).With(map[string]any{"page_size": 10, "max_retries": 0})
			f.Site.SetFaults(test.fault)
			r := f.Singer(tapfixture.Select("pages", "tasks"), nil)
			if (r.Status != tap.ExitDone) != test.fails {
				t.Errorf("exit status %d\n%s", r.Status, r.Stderr)
			}
			noSecrets(t, r)
		})
	}
	t.Cleanup(func() {
		other.mu.Lock()
		defer other.mu.Unlock()
		if len(other.requests) > 0 {
			t.Errorf("the other host was asked: %s", strings.Join(other.requests, "\n"))
		}
	})
}

// TestAddressTricks gives addresses that look like the site's and lead elsewhere, or that
// would send credentials in the clear: they are refused before any request.
func TestAddressTricks(t *testing.T) {
	t.Parallel()
	other := &listener{}
	server := httptest.NewServer(other)
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	for _, settings := range []map[string]any{
		{"api_url": "http://acme.atlassian.net"},
		{"api_url": "http://acme.atlassian.net@" + host},
		{"api_url": "http://127.0.0.1@example.com"},
		{"api_url": "http://127.0.0.1.example.com"},
		{"api_url": "http://localhost.example.com"},
		{"api_url": "http://169.254.169.254/latest/meta-data"},
		{"api_url": "http://[fd00:ec2::254]/"},
		{"api_url": "ftp://" + host},
		{"api_url": "file:///etc/passwd"},
		{"api_url": "//" + host},
		{"api_url": "https://acme.atlassian.net\\@" + host},
		{"domain": "acme.atlassian.net@" + host, "api_url": nil},
		{"domain": "http://acme.atlassian.net", "api_url": nil},
		{"domain": "http://10.0.0.1", "api_url": nil},
		{"cloud_id": "../../" + host},
		{"cloud_id": "x/../..//" + host},
	} {
		t.Run(fmt.Sprint(settings), func(t *testing.T) {
			t.Parallel()
			f := tapfixture.New(t, locked()).With(map[string]any{"max_retries": 0}).With(settings)
			r := f.Text("--config", f.Config(), "--test", "--debug")
			if r.Status == tap.ExitDone {
				t.Errorf("exit status 0\n%s", r.Stderr)
			}
			noSecrets(t, r)
			if n := f.Site.Total(); n > 0 {
				t.Errorf("%d requests to the site", n)
			}
		})
	}
	t.Cleanup(func() {
		if len(other.requests) > 0 {
			t.Errorf("the other host was asked: %s", strings.Join(other.requests, "\n"))
		}
	})
}

// TestProxyPassword has proxies with a password in the environment, which none of their
// errors shows.
func TestProxyPassword(t *testing.T) {
	t.Parallel()
	const password = "proxy-pass-9Rt4Wq2"
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	f := tapfixture.New(t, locked()).With(map[string]any{"domain": "acme.atlassian.net", "api_url": nil, "max_retries": 0})
	for _, proxy := range []string{"http://user:" + password + "@127.0.0.1:1", "http://user:" + password + "@[::1", "socks5://user:" + password + "@127.0.0.1:1", "user:" + password + "@%zz"} {
		cmd := exec.CommandContext(t.Context(), path, "--config", f.Config(), "--test", "--debug")
		cmd.Env = []string{"HTTPS_PROXY=" + proxy, "PATH=/bin:/usr/bin"}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if cmd.Run() == nil {
			t.Errorf("%s: exit status 0", proxy)
		}
		for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte("user:" + password)), tapfixture.Token} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%s: the output shows %s:\n%s", proxy, secret, out.String())
			}
		}
	}
}

// TestWritesNothing runs every command in an empty directory with an empty home: the program
// writes to stdout and stderr, and nowhere else.
func TestWritesNothing(t *testing.T) {
	t.Parallel()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	f := tapfixture.New(t, small())
	catalog := f.File(tapfixture.Configured("full_refresh", "spaces", "pages"))
	for _, args := range [][]string{
		{"--config", f.Config()}, {"--config", f.Config(), "--discover"}, {"--about"}, {"spec"},
		{"check", "--config", f.Config()}, {"read", "--config", f.Config(), "--catalog", catalog}, {"plan", "--config", f.Config()},
	} {
		dir := t.TempDir()
		cmd := exec.CommandContext(t.Context(), path, args...)
		cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "TMPDIR=" + dir, "XDG_CACHE_HOME=" + dir}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%.1000s", args, err, out[max(0, len(out)-1000):])
		}
		left, err := exec.CommandContext(t.Context(), "find", dir, "-mindepth", "1").Output()
		if err != nil || len(left) > 0 {
			t.Errorf("%v left files: %s %v", args, left, err)
		}
	}
}
