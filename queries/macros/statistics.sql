-- Statistics that several queries and indices share.

-- normalised_difference(one, other): (one - other) / (one + other); null where the sum is 0.
--
-- For two values that are not negative: -1 to 1, 0 if they are equal, 1/3 if the first is twice the second.
create macro normalised_difference(one, other) as (one - other) / nullif(one + other, 0);

-- sparseness(mean, variance, n): how few of n values make up their sum; null if all are 0, or if there is only one.
--
-- (1 - mean^2 / mean of the squares) / (1 - 1 / n), with the variance (n) about the mean: 0 if all values are equal,
-- 1 if all but one are 0 (Vinje and Gallant 2000). The values must not be negative.
create macro sparseness(mean, variance, n) as variance / nullif(variance + mean ** 2, 0) / nullif(1 - 1 / n, 0);

-- evenness(p): Pielou's evenness of K proportions that sum to 1, as an aggregate over the rows; null if K is 1.
--
-- -sum of p ln p / ln K: 1 if all are equal, 0 if one is 1.
create macro evenness(p) as -sum(case when p = 0 then 0 else p * ln(p) end) / nullif(ln(count(*)), 0) + 0.0;

-- part_of_place(free, ties): the part of a place that each of `ties` tied items gets, of those that are free; 0 to 1.
create macro part_of_place(free, ties) as greatest(least(free / ties, 1), 0);
