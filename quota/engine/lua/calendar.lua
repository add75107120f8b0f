-- UTC days and months as integers; calendar.py does the same with a library. The era arithmetic is that of Howard
-- Hinnant's civil_from_days.

local floor = math.floor

local function month_of(day)
  local shifted = day + 719468
  local era = floor(shifted / 146097)
  local of_era = shifted - era * 146097
  local year_of_era = floor((of_era - floor(of_era / 1460) + floor(of_era / 36524) - floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year_of_era + floor(year_of_era / 4) - floor(year_of_era / 100))
  local march_month = floor((5 * of_year + 2) / 153)
  local month = march_month < 10 and march_month + 2 or march_month - 10
  local year = year_of_era + era * 400 + (march_month >= 10 and 1 or 0)
  return year * 12 + month
end

local function first_day(year, month)
  if month <= 2 then year = year - 1 end
  local era = floor(year / 400)
  local of_era = year - era * 400
  local of_year = floor((153 * (month > 2 and month - 3 or month + 9) + 2) / 5)
  return era * 146097 + of_era * 365 + floor(of_era / 4) - floor(of_era / 100) + of_year - 719468
end

local function day_end(day) return (day + 1) * DAY_MS end

local function month_end(month)
  local following = month + 1
  local year = floor(following / 12)
  return first_day(year, following - year * 12 + 1) * DAY_MS
end
