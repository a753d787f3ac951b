"""Checks Kubernetes manifests against the published schemas, and says what their containers are given.

kubernetes_manifests.py FILE..., with kubernetes-validate in $USHER_KUBERNETES_VALIDATE; a JSON object a line.
"""

import json
import os
import sys

sys.path.insert(0, os.environ["USHER_KUBERNETES_VALIDATE"])

import kubernetes_validate  # noqa: E402
import yaml  # noqa: E402

# What KEDA and kustomize have schemas of their own for: named, so that nothing else goes unchecked.
OTHERS = {"ScaledObject", "TriggerAuthentication", "Kustomization"}
VERSIONS = ("1.29", "1.33")


def main():
    for path in sys.argv[1:]:
        with open(path) as file:
            for document in yaml.safe_load_all(file):
                kind = document["kind"]
                if kind not in OTHERS:
                    for version in VERSIONS:
                        kubernetes_validate.validate(document, version, strict=True)
                spec = document.get("spec", {})
                pod = spec.get("template", {}).get("spec", {})
                print(
                    json.dumps(
                        {
                            "file": os.path.basename(path),
                            "kind": kind,
                            "name": document.get("metadata", {}).get("name", ""),
                            "args": [c["args"] for c in pod.get("containers", [])],
                            "environment": sorted({**document.get("data", {}), **document.get("stringData", {})}),
                            "target": spec.get("scaleTargetRef", {}).get("name"),
                            "queries": [t["metadata"]["query"] for t in spec.get("triggers", [])],
                            "resources": document.get("resources", []),
                        }
                    )
                )


if __name__ == "__main__":
    main()
