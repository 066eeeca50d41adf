package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/version"
)

// defaultTapName is the tap's name where none is given: each vm has a namespace of its own, so it is free.
const defaultTapName = "tap0"

// Names of our arguments in CNI_ARGS; those of other plugins in the chain are not ours to judge.
const (
	argName = "TC_REDIRECT_TAP_NAME"
	argUID  = "TC_REDIRECT_TAP_UID"
	argGID  = "TC_REDIRECT_TAP_GID"
)

// request is what ADD and CHECK were asked for.
type request struct {
	version string
	// prev is nil when the plugin was not chained.
	prev *current.Result
	tap  tapSpec
}

// tapSpec names the tap and its owner: the process that may open it without CAP_NET_ADMIN.
type tapSpec struct {
	name     string
	uid, gid uint32
	// ownerGiven is false when the owner is this process, for want of arguments.
	ownerGiven bool
}

func parse(args *skel.CmdArgs) (*request, error) {
	conf := types.PluginConf{}
	if err := json.Unmarshal(args.StdinData, &conf); err != nil {
		return nil, types.NewError(types.ErrDecodingFailure, "the configuration is not the JSON of a plugin", err.Error())
	}
	tap, err := parseTap(args.Args, args.IfName)
	if err != nil {
		return nil, err
	}
	result, err := prevResult(&conf)
	if err != nil {
		return nil, err
	}
	return &request{version: conf.CNIVersion, prev: result, tap: tap}, nil
}

func prevResult(conf *types.PluginConf) (*current.Result, error) {
	if conf.RawPrevResult == nil {
		return nil, nil
	}
	if err := version.ParsePrevResult(conf); err != nil {
		return nil, types.NewError(types.ErrDecodingFailure, "prevResult cannot be read", err.Error())
	}
	result, err := current.NewResultFromResult(conf.PrevResult)
	if err != nil {
		return nil, types.NewError(types.ErrDecodingFailure, "prevResult cannot be converted", err.Error())
	}
	return result, nil
}

func parseTap(text, ifName string) (tapSpec, error) {
	spec := tapSpec{name: defaultTapName, uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
	given, err := splitArgs(text)
	if err != nil {
		return spec, err
	}
	if name, ok := given[argName]; ok {
		spec.name = name
	}
	if err := checkName(spec.name, ifName); err != nil {
		return spec, err
	}
	for key, into := range map[string]*uint32{argUID: &spec.uid, argGID: &spec.gid} {
		value, ok := given[key]
		if !ok {
			continue
		}
		// 2^32-1 is "nobody in particular" to the kernel: it would leave the tap open to everyone.
		id, err := strconv.ParseUint(value, 10, 32)
		if err != nil || id == 1<<32-1 {
			return spec, invalidArgs(fmt.Sprintf("%s is %q, not a user or group id", key, value))
		}
		*into = uint32(id)
		spec.ownerGiven = true
	}
	return spec, nil
}

// splitArgs reads CNI_ARGS: K=V;K=V.
func splitArgs(text string) (map[string]string, error) {
	given := map[string]string{}
	for _, word := range strings.Split(text, ";") {
		if word == "" {
			continue
		}
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			return nil, invalidArgs(fmt.Sprintf("%q is not KEY=VALUE", word))
		}
		given[key] = value
	}
	return given, nil
}

// checkName keeps to what the kernel takes as an interface's name, less `%`, which it would expand.
func checkName(name, ifName string) error {
	switch {
	case name == "" || len(name) > 15 || name == "." || name == "..":
		return invalidArgs(fmt.Sprintf("%s is %q: a name has 1 to 15 characters", argName, name))
	case strings.ContainsAny(name, "/:% \t\r\n\v\f"):
		return invalidArgs(fmt.Sprintf("%s is %q: a name has no slash, colon, percent sign or space", argName, name))
	case name == ifName:
		return invalidArgs(fmt.Sprintf("%s is %q, which is the interface to redirect", argName, name))
	}
	return nil
}

// tapName is the name under which the tap exists, for DEL: as ADD's result says, else as ADD was told. It complains of
// nothing: whatever ADD was given, DEL is the last chance to remove what is there.
func tapName(args *skel.CmdArgs) string {
	conf := types.PluginConf{}
	if err := json.Unmarshal(args.StdinData, &conf); err == nil {
		if result, err := prevResult(&conf); err == nil && result != nil {
			if tap, _ := findPair(result, args); tap != nil {
				return tap.Name
			}
		}
	}
	if given, err := splitArgs(args.Args); err == nil && checkName(given[argName], args.IfName) == nil {
		return given[argName]
	}
	return defaultTapName
}

func invalidArgs(message string) error {
	return types.NewError(types.ErrInvalidEnvironmentVariables, "CNI_ARGS: "+message, "")
}
