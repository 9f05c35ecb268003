# As much of NixOS as nix/module.nix needs, if there is only a stand-in for
# nixpkgs: defaults apply, but no type is checked and nothing is merged. The
# result is the module's config for these values of services.hotpath.
{ lib, pkgs }:
hotpath:
let
  types = {
    attrsOf = _: { };
    ints.positive = { };
    nullOr = _: { };
    oneOf = _: { };
    strMatching = _: { };
    submodule = module: { inherit (module) options; };
    bool = { };
    externalPath = { };
    int = { };
    package = { };
    str = { };
  };

  letters = text: builtins.filter (c: c != "" && c != [ ]) (builtins.split "" text);

  # values gives each option what is set, or its default.
  values =
    options: set:
    set
    // builtins.mapAttrs (
      name: option:
      let
        value = set.${name} or option.default;
      in
      if option.type ? options then values option.type.options value else value
    ) options;

  module = import ./module.nix {
    pkgs = pkgs // {
      coreutils = "/usr";
    };
    config.services.hotpath = values module.options.services.hotpath hotpath;
    lib = lib // {
      inherit types;
      mkOption = option: option;
      mkEnableOption = _: {
        default = false;
        type = types.bool;
      };
      mkIf = condition: config: if condition then config else { };
      filterAttrs =
        f: set:
        removeAttrs set (builtins.filter (name: !f name set.${name}) (builtins.attrNames set));
      getExe = package: "${package}/bin/${package.meta.mainProgram}";
      last = list: builtins.elemAt list (builtins.length list - 1);
      mapAttrs' =
        f: set: builtins.listToAttrs (map (name: f name set.${name}) (builtins.attrNames set));
      mapAttrsToList = f: set: map (name: f name set.${name}) (builtins.attrNames set);
      optional = condition: value: if condition then [ value ] else [ ];
      optionalString = condition: text: if condition then text else "";
      splitString = separator: text: builtins.filter builtins.isString (builtins.split separator text);
      toInt = builtins.fromJSON;
      toUpper = builtins.replaceStrings (letters "abcdefghijklmnopqrstuvwxyz") (
        letters "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
      );
    };
  };
in
module.config
