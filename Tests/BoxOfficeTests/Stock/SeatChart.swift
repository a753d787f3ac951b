@testable import BoxOffice

/// Seats as a picture: `f` free, `a` free and accessible, `.` taken, `_` an aisle.
///
/// A seat's number is `section * 10,000 + row * 100 + position`; rows count from 0, positions from 1.
enum SeatChart {
    static func rows(_ sections: [[String]], focus: SeatRow.Focus = .init()) -> [SeatRow] {
        sections.enumerated().flatMap { section, rows in
            rows.enumerated().compactMap { row, picture -> SeatRow? in
                let free = picture.enumerated().compactMap { index, letter -> SeatRow.Place? in
                    guard letter == "f" || letter == "a" else { return nil }
                    let seat = section * 10_000 + row * 100 + index + 1
                    return SeatRow.Place(position: index + 1, seat: seat, accessible: letter == "a")
                }
                // A row without free seats is not read from the database.
                if free.isEmpty { return nil }
                return SeatRow(
                    section: section,
                    row: row,
                    middle: 1 + picture.count,
                    free: free,
                    focus: focus
                )
            }
        }
    }

    static func picker(_ sections: [String]..., focus: SeatRow.Focus = .init()) -> SeatPicker {
        SeatPicker(rows(sections, focus: focus))
    }
}
