import Testing

@testable import BoxOffice

@Suite(.timeLimit(.minutes(5)))
struct SearchWordsTests {
    @Test(arguments: [
        ("Björk", ["bjork"]), ("BJÖRK", ["bjork"]), ("Sigur Rós", ["sigur", "ros"]), ("AC/DC", ["ac", "dc"]),
        ("Guns N' Roses", ["guns", "n", "roses"]), ("Don’t", ["dont"]),
        ("Mötley  Crüe!", ["motley", "crue"]),
        ("Straße", ["strasse"]), ("Łódź", ["lodz"]), ("Røyksopp", ["royksopp"]), ("2Pac", ["2pac"]),
        ("Земфира", ["земфира"]), ("東京ドーム", ["東京ト\u{30FC}ム"]), ("ﬁne ①", ["fine", "1"]), ("", []),
        ("&|!():*' ", []),
    ])
    func `Words are compared without case, accents and signs`(text: String, words: [String]) {
        #expect(SearchWords.of(text) == words)
    }

    @Test func `A text for the server has nothing but words and the operators between them`() {
        let text = SearchText(["spring", "steen"])
        #expect(text?.match == "'spring' & 'steen':*" && text?.better == ["'spring' & 'steen'"])
        #expect(SearchText(["a"])?.match == "'a'", "one letter is the beginning of everything")
        #expect(SearchText([]) == nil)
        let wide = SearchText(["sprinsteen", "live"], likes: ["sprinsteen": ["springsteen", "sprin"]])
        #expect(wide?.match == "('sprinsteen' | 'springsteen' | 'sprin') & ('live':*)")
        #expect(
            wide?.better == ["'sprinsteen' & 'live':*", "'sprinsteen' & 'live'", "'springsteen' & 'live'"]
        )
        #expect(SearchText(["x"], likes: ["x": []]) == nil)
    }
}
