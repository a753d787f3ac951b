// A misspelt upcoming feature is ignored in silence, so the build asks for each by name.
#if !hasFeature(ExistentialAny)
#error("ExistentialAny is not in force")
#endif
#if !hasFeature(InternalImportsByDefault)
#error("InternalImportsByDefault is not in force")
#endif
#if !hasFeature(MemberImportVisibility)
#error("MemberImportVisibility is not in force")
#endif
#if !hasFeature(NonisolatedNonsendingByDefault)
#error("NonisolatedNonsendingByDefault is not in force")
#endif
#if !hasFeature(InferIsolatedConformances)
#error("InferIsolatedConformances is not in force")
#endif
#if !hasFeature(ImmutableWeakCaptures)
#error("ImmutableWeakCaptures is not in force")
#endif
#if !hasFeature(StrictMemorySafety)
#error("StrictMemorySafety is not in force")
#endif
