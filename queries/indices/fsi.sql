-- fsi: the mean response to the category compared with the mean response to all other stimuli.
--
-- The face selectivity index of electrophysiology, for any category: 1/3 is twice the response. It is 1 or -1
-- where the two means differ in sign. The original compares faces with non-face objects: see $against of
-- selectivity/index.
--
-- Source: Freiwald, Tsao and Livingstone (2009), doi 10.1038/nn.2363.
--
-- Index
--   family     moments
--   formula    (mu_c - mu_rest) / (mu_c + mu_rest), with mu_rest the mean response to all other stimuli
--   range      -1 to 1
--   chance     0
--   threshold  1 / 3  twice the mean response to all others, the usual cut for face selectivity
--   needs      a mean response above 0; another category
--   sanity     extra labels
case
    when mean * rest_mean < 0 then sign(mean)
    when mean + rest_mean > 0 then normalised_difference(mean, rest_mean)
end
