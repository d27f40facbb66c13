package apt

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iomapcheck/iomapcheck/vmimage/cache"
)

// debian is a local mirror of Debian; a machine is configured to get a suite or two from it.
type debian struct {
	t   *testing.T
	dir string // of the main archive; that of security updates is beside it
}

// newDebian makes the machine's sources these lines, with MAIN and SECURITY for the two archives.
func newDebian(t *testing.T, lines ...string) *debian {
	t.Helper()
	if err := haveTools("apt-get", "apt-cache", "dpkg-deb"); err != nil {
		t.Skip(err)
	}
	d := &debian{t, filepath.Join(t.TempDir(), "debian")}
	config := t.TempDir()
	sources, conf := filepath.Join(config, "sources.list"), filepath.Join(config, "apt.conf")
	text := strings.NewReplacer("MAIN", "file:"+d.dir, "SECURITY", "file:"+d.dir+"-security").Replace(strings.Join(lines, "\n") + "\n")
	d.write(sources, text)
	d.write(conf, fmt.Sprintf("Dir::Etc::sourcelist %q;\nDir::Etc::sourceparts \"/dev/null\";\n", sources))
	t.Setenv("APT_CONFIG", conf)
	return d
}

func (d *debian) write(path, content string) {
	d.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		d.t.Fatal(err)
	}
}

// suite offers packages, NAME=VERSION, in a suite; release are further lines of its Release file.
func (d *debian) suite(name, release string, packages ...string) {
	dir := d.dir
	if strings.HasSuffix(name, "-security") {
		dir += "-security"
	}
	index := ""
	for _, p := range packages {
		pkg, version, _ := strings.Cut(p, "=")
		index += fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: amd64\nFilename: %[1]s_%[2]s_amd64.deb\nSize: 1\nSHA256: %064d\nDescription: x\n\n", pkg, version, 0)
	}
	dir = filepath.Join(dir, "dists", name)
	d.write(filepath.Join(dir, "main/binary-amd64/Packages"), index)
	d.write(filepath.Join(dir, "Release"), fmt.Sprintf("Origin: Debian\nCodename: %s\nComponents: main\nArchitectures: amd64\nDate: %s\n%sSHA256:\n %x %d main/binary-amd64/Packages\n",
		name, time.Now().Add(-time.Hour).UTC().Format(time.RFC1123), release, sha256.Sum256([]byte(index)), len(index)))
}

const everyKernel = "^linux-image-.*"

func kernels(t *testing.T, archive *Archive) string {
	t.Helper()
	names, err := archive.Names(t.Context(), everyKernel)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// reported makes archive's reports readable.
func reported(archive *Archive) *strings.Builder {
	said := &strings.Builder{}
	archive.Report = func(line string) { fmt.Fprintln(said, line) }
	return said
}

func TestEverySuiteOfTheMachinesMirrorServes(t *testing.T) {
	d := newDebian(t, "deb [trusted=yes] MAIN bookworm main", "deb [trusted=yes] SECURITY bookworm-security main")
	d.suite("bookworm", "", "linux-image-6.1.0-1-amd64=6.1")
	d.suite("experimental", "NotAutomatic: yes\n", "linux-image-7.3-amd64=7.3")
	d.suite("bullseye-security", "", "linux-image-5.10.0-1-amd64=5.10")
	if got, want := kernels(t, Open(cache.Dir(t.TempDir()))), "linux-image-5.10.0-1-amd64 linux-image-6.1.0-1-amd64 linux-image-7.3-amd64"; got != want {
		t.Errorf("kernels %s\n   want %s", got, want)
	}
}

func TestSecurityUpdatesAreLookedForBesideTheMirror(t *testing.T) {
	d := newDebian(t, "deb [trusted=yes] MAIN/ trixie main")
	d.suite("trixie", "")
	d.suite("bullseye-security", "", "linux-image-5.10.0-1-amd64=5.10")
	if got := kernels(t, Open(cache.Dir(t.TempDir()))); got != "linux-image-5.10.0-1-amd64" {
		t.Errorf("kernels %q", got)
	}
}

func TestSuitesThatAreAbsentAreNotAskedForUntilTheNextDay(t *testing.T) {
	d := newDebian(t, "deb [trusted=yes] MAIN trixie main")
	d.suite("trixie", "", "linux-image-6.12.1-amd64=6.12")
	dir := cache.Dir(t.TempDir())
	kernels(t, Open(dir))
	d.suite("sid", "", "linux-image-7.2.1-amd64=7.2")
	stale := func() {
		if err := os.Chtimes(dir.Path("apt/updated"), longAgo(), longAgo()); err != nil {
			t.Fatal(err)
		}
	}
	stale()
	if got := kernels(t, Open(dir)); strings.Contains(got, "7.2") {
		t.Errorf("an absent suite was asked for again at once: %s", got)
	}
	known, err := remembered(dir.Path("apt", suitesFile))
	if err != nil || !slices.Contains(known.Suites["file:"+d.dir+" sid"], absent) {
		t.Fatalf("remembered %v, %v", known, err)
	}
	known.Found = longAgo()
	if err := known.remember(dir.Path("apt", suitesFile)); err != nil {
		t.Fatal(err)
	}
	stale()
	if got := kernels(t, Open(dir)); !strings.Contains(got, "7.2") {
		t.Errorf("a day later it was not asked for: %s", got)
	}
}

func TestKernelsAreTheNewestOfAllSuitesAndToolsAreOfOne(t *testing.T) {
	d := newDebian(t, "deb [trusted=yes] MAIN bookworm main")
	kernel := "linux-image-6.12.1-amd64"
	d.suite("bookworm", "", kernel+"=6.12.1-1", "tool=1")
	d.suite("trixie", "", kernel+"=6.12.1-2", "tool=2")
	d.suite("trixie-backports", "NotAutomatic: yes\nButAutomaticUpgrades: yes\n", kernel+"=6.12.1-4")
	d.suite("sid", "", kernel+"=6.12.1-3", "tool=3")
	d.suite("experimental", "NotAutomatic: yes\n", "tool=4", "elsewhere=1")
	debs := plan(t, Open(cache.Dir(t.TempDir())), false, kernel, "tool", "elsewhere")
	var got []string
	for _, deb := range debs {
		got = append(got, deb.Name+"="+deb.Version)
	}
	slices.Sort(got)
	if want := []string{"elsewhere=1", kernel + "=6.12.1-4", "tool=2"}; !slices.Equal(got, want) {
		t.Errorf("planned %v, want %v", got, want)
	}
}

func TestAptsComplaintsAreHeededOnce(t *testing.T) {
	said := `W: Some noise about 'http://deb.example/debian sid Release'
E: The repository 'http://deb.example/debian forky-backports Release' does not have a Release file.
E: The repository 'http://deb.example/debian duke Release' no longer has a Release file.
W: GPG error: http://deb.example/debian experimental InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 6ED0E7B82643E131
E: The repository 'http://deb.example/debian experimental InRelease' is not signed.
E: Release file for http://deb.example/debian/dists/bullseye/InRelease is expired (invalid since 1d 0h 0min 25s). Updates for this repository will not be applied.
`
	known := &troubles{Suites: map[string][]Trouble{}}
	if !known.heed(said) || known.heed(said) || known.heed("E: Could not resolve 'deb.example'\n") {
		t.Error("news is what was not known, and nothing else")
	}
	var suites []suite
	for _, name := range []string{"bullseye", "sid", "forky-backports", "duke", "experimental"} {
		suites = append(suites, suite{name, mirror{URI: "http://deb.example/debian/", Keys: []string{"Signed-By: /key"}}})
	}
	stanza := "Types: deb\nURIs: http://deb.example/debian/\nSuites: %s\nComponents: main\nSigned-By: /key\n%s\n"
	if got, want := known.sources(suites), fmt.Sprintf(stanza+stanza, "bullseye", "Check-Valid-Until: no\n", "sid", ""); got != want {
		t.Errorf("sources:\n%swant:\n%s", got, want)
	}
}

// signed makes a key, signs the suites' Release files with it, and returns the path of its public half.
func (d *debian) signed(suites ...string) string {
	d.t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		d.t.Skip("no gpg here to sign with")
	}
	home, err := os.MkdirTemp("", "gpg") // short: it has sockets in it
	if err != nil {
		d.t.Fatal(err)
	}
	key := filepath.Join(d.t.TempDir(), "key.gpg")
	gpg := func(args ...string) {
		cmd := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--yes", "--quiet", "--passphrase", ""}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			d.t.Fatalf("gpg %v: %v\n%s", args, err, out)
		}
	}
	d.t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "gpg-agent").Run() // it ends by itself when its folder is gone
		_ = os.RemoveAll(home)
	})
	gpg("--quick-gen-key", "test@example.org", "ed25519", "sign", "never")
	gpg("--output", key, "--export")
	for _, name := range suites {
		release := filepath.Join(d.dir, "dists", name, "Release")
		gpg("--clearsign", "--output", filepath.Join(filepath.Dir(release), "InRelease"), release)
		if err := os.Remove(release); err != nil {
			d.t.Fatal(err)
		}
	}
	return key
}

func TestSignaturesAreCheckedThoughAnExpiredSuiteServes(t *testing.T) {
	d := newDebian(t)
	d.suite("trixie", "", "linux-image-6.12.1-amd64=6.12")
	d.suite("bullseye", "Valid-Until: "+time.Now().Add(-time.Minute).UTC().Format(time.RFC1123)+"\n", "linux-image-5.10.0-1-amd64=5.10")
	d.suite("sid", "", "linux-image-7.2.1-amd64=7.2")
	key := d.signed("trixie", "bullseye", "sid")
	conf, err := os.ReadFile(os.Getenv("APT_CONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	d.write(strings.Split(string(conf), `"`)[1], "deb [signed-by="+key+"] file:"+d.dir+" trixie main\n")
	forged := filepath.Join(d.dir, "dists/sid/InRelease")
	text, err := os.ReadFile(forged)
	if err != nil {
		t.Fatal(err)
	}
	d.write(forged, strings.Replace(string(text), "Origin: Debian", "Origin: Somebody", 1))
	archive := Open(cache.Dir(t.TempDir()))
	said := reported(archive)
	if got, want := kernels(t, archive), "linux-image-5.10.0-1-amd64 linux-image-6.12.1-amd64"; got != want || !strings.Contains(said.String(), "signatures: sid") {
		t.Errorf("kernels %s, want %s; reported %q", got, want, said)
	}
}

func TestASuiteThatNobodyCanVouchForIsLeftOutAndSaidSo(t *testing.T) {
	d := newDebian(t, "deb [trusted=yes] MAIN trixie main", "deb SECURITY trixie-security main")
	d.suite("trixie", "", "linux-image-6.12.1-amd64=6.12")
	d.suite("trixie-security", "", "linux-image-6.12.2-amd64=6.12")
	archive := Open(cache.Dir(t.TempDir()))
	said := reported(archive)
	if got := kernels(t, archive); got != "linux-image-6.12.1-amd64" || !strings.Contains(said.String(), "no key for their signatures: trixie-security") {
		t.Errorf("kernels %q; reported %q", got, said)
	}
}

func TestAMirrorWithoutAnySuiteIsAnErrorAndLeavesTheListsAlone(t *testing.T) {
	d := newDebian(t, "deb [trusted=yes] MAIN trixie main")
	d.suite("trixie", "", "linux-image-6.12.1-amd64=6.12")
	dir := cache.Dir(t.TempDir())
	kernels(t, Open(dir))
	if err := errors.Join(os.RemoveAll(d.dir), os.Chtimes(dir.Path("apt/updated"), longAgo(), longAgo())); err != nil {
		t.Fatal(err)
	}
	archive := Open(dir)
	said := reported(archive)
	if got := kernels(t, archive); got != "linux-image-6.12.1-amd64" || !strings.Contains(said.String(), "using the package lists of") {
		t.Errorf("kernels %q; reported %q", got, said)
	}
	_, err := Open(cache.Dir(t.TempDir())).Names(t.Context(), everyKernel)
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "none of Debian's suites") {
		t.Errorf("Names: %v, want one line that says so", err)
	}
}

func TestDependenciesTellWhatNoSuiteHas(t *testing.T) {
	text := `linux-image-6.19.14+deb13-amd64
  PreDepends: linux-base
 |Depends: dracut
  Depends: <linux-initramfs-tool>
    dracut
    tiny-initramfs
  Depends: linux-binary-6.19.14+deb13-amd64
  Depends: <linux-modules-6.19.14+deb13-amd64>
  Breaks: fwupdate
linux-image-5.10.0-46-amd64
  Depends: kmod
`
	want := map[string][]Dependency{
		"linux-image-6.19.14+deb13-amd64": {
			{"linux-base", true}, {"dracut", true}, {"linux-initramfs-tool", false},
			{"linux-binary-6.19.14+deb13-amd64", true}, {"linux-modules-6.19.14+deb13-amd64", false},
		},
		"linux-image-5.10.0-46-amd64": {{"kmod", true}},
	}
	got := parseDepends(text)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("parsed %v\n  want %v", got, want)
	}
}

func TestDependsAsksTheArchive(t *testing.T) {
	r := newRepository(t)
	r.add("image", "1", "binary, modules")
	r.add("binary", "1", "")
	got, err := Open(cache.Dir(t.TempDir())).Depends(t.Context(), []string{"image"})
	if want := "[{binary true} {modules false}]"; err != nil || fmt.Sprint(got["image"]) != want {
		t.Errorf("Depends = %v, %v, want %s", got, err, want)
	}
}
