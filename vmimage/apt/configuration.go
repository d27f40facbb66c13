package apt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// suitesFile remembers what is known of the mirror's suites; sourcesFile and preferencesFile are our own for apt, empty where the
// machine's serve.
const (
	suitesFile      = "suites.json"
	sourcesFile     = "sources.list.d/debian.sources"
	preferencesFile = "preferences"
)

// prepare makes sure that the private state exists and says where it is now: the cache folder may have been moved.
func (a *Archive) prepare() error {
	for _, dir := range []string{"lists/partial", "archives/partial", "none/partial", filepath.Dir(sourcesFile)} {
		if err := os.MkdirAll(a.path(dir), 0o755); err != nil {
			return fmt.Errorf("create private apt state: %w", err)
		}
	}
	// Made once: whenever this file is newer than apt's cache, apt reads all lists anew, which takes seconds.
	status, err := os.OpenFile(a.path("status"), os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("create private apt state: %w", err)
	}
	status.Close()
	info, err := os.Stat(a.path(sourcesFile))
	return a.writeConfiguration(err == nil && info.Size() > 0)
}

// configure makes apt use sources, the text of a deb822 file; with none the machine's own serve.
func (a *Archive) configure(sources string) error {
	err := errors.Join(os.WriteFile(a.path(sourcesFile), []byte(sources), 0o644), os.WriteFile(a.path(preferencesFile), []byte(preferences()), 0o644))
	if err != nil {
		return fmt.Errorf("write apt sources: %w", err)
	}
	return a.writeConfiguration(sources != "")
}

func (a *Archive) writeConfiguration(ownSources bool) error {
	root, err := filepath.Abs(a.path())
	if err != nil {
		return fmt.Errorf("create private apt state: %w", err)
	}
	text := configuration()
	if ownSources {
		text += ownSourcesConfiguration()
	}
	if err := os.WriteFile(a.path("apt.conf"), []byte(strings.ReplaceAll(text, "ROOT", root)), 0o644); err != nil {
		return fmt.Errorf("create private apt state: %w", err)
	}
	return nil
}

// configuration is read after the machine's own (apt-get -c), so what it says wins. ROOT stands for the private state's folder.
//
// The machine's hooks are cleared: they act on the machine's state (a container image's hook empties the system's package cache after
// every update). The sandbox user is root because apt's _apt user cannot enter a cache folder in somebody's home; apt ignores the
// setting when it is not run as root. Lists stay compressed: those of all suites are 350 MB. Of every suite only the list of packages
// is fetched, and whole: put together from daily differences a list takes longer.
func configuration() string {
	return `Dir::State "ROOT";
Dir::State::lists "ROOT/lists";
Dir::State::status "ROOT/status";
Dir::State::extended_states "ROOT/extended_states";
Dir::Cache "ROOT";
Dir::Cache::archives "ROOT/archives";
Dir::Cache::pkgcache "ROOT/pkgcache.bin";
Dir::Cache::srcpkgcache "";
Dir::Log "ROOT";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architectures { "amd64"; };
APT::Architecture "amd64";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Get::List-Cleanup "true";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::GzipIndexes "true";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
Binary::apt-get::APT::Keep-Downloaded-Packages "true";
`
}

// ownSourcesConfiguration replaces the machine's sources and pins; its keys, proxies and log-ins stay. That lists are out of date is to
// be told even if the machine does not care, so that it is let pass suite by suite.
func ownSourcesConfiguration() string {
	return `Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "ROOT/sources.list.d";
Dir::Etc::preferences "ROOT/preferences";
Dir::Etc::preferencesparts "ROOT/none";
Acquire::Check-Valid-Until "true";
#clear APT::Default-Release;
`
}
